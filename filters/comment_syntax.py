"""How each language writes a comment: the hand-made half of the language table.

Read by the generator of languages.toml only. A language that is not sure of its syntax, or that
has no comments (JSON, HTTP, Brainfuck), stands under NO_COMMENT, so that no name is forgotten.
"""

LINE_COMMENTS: dict[str, str] = {
    "#": """AMPL;AWK;Apache Configuration;Berry;BitBake;Boo;CMake;CoffeeScript;Crystal;Cython;
        Debian Control File;Docker;Dockerfile;Elixir;EmberScript;Execline;Fancy;Fish;GAP;GDScript;
        Gentoo Ebuild;Gentoo Eclass;Gettext Catalog;Gnuplot;GraphQL;HCL;Io;JAGS;Julia;Kconfig;
        Lighttpd Configuration File;Limbo;Makefile;Meson;Mirah;Nginx Configuration File;Nimrod;
        Ninja;Nit;Nix;Parrot Internal Representation;Perl;Perl 6;PkgConfig;PowerShell;Praat;Puppet;
        Python;R;RAML;Ragel in Ruby Host;Ren'Py;Ride;Robot Framework;Ruby;S;SPARQL;Sage;Shell;
        ShExC;Sieve;Singularity;Smali;Tcl;Tcsh;Terminfo;Treetop;TypoScript;USD;Unity3D Asset;VCL;
        Bro;Zeek;Zimpl;YAML;TOML;Starlark;Nushell;Snakemake;Just;Dotenv;Cabal Config;jq;Git Config;
        Ignore List;Gherkin;RPM Spec;Elvish;Java Properties;EditorConfig;CODEOWNERS;
        Apollo Guidance Computer;BIRD2;BQN;Browserslist;BuildStream;CSON;Caddyfile;Cairo Zero;
        Common Workflow Language;CoNLL-U;Cylc;D2;DenizenScript;E;Earthly;Easybuild;EdgeQL;FPP;
        Filebench WML;Fluent;GDB;GN;Genero 4gl;Git Attributes;Git Revision List;Golo;
        Graph Modeling Language;GtkRC;HAProxy;HOCON;HXML;Hosts File;Hurl;Imba;Jac;Janet;KCL;
        Kaitai Struct;KakouneScript;Kickstart;Liquidsoap;LiveScript;LookML;M3U;
        Microsoft Developer Studio Project;Microsoft Visual Studio Solution;MiniYAML;Mojo;NASL;
        NEON;NPM Config;Nasal;Nearley;Nickel;OASv2-yaml;OASv3-yaml;Open Policy Agent;
        OpenType Feature File;Option List;Org;OverPy;Pan;Parrot;Parrot Assembly;Pic;PicoLisp;
        Pip Requirements;Polar;Proguard;Protocol Buffer Text Format;Pyret;QMake;RBS;ROS Interface;
        Readline Config;Redirect Rules;Ring;Robots Exclusion Rules;Roc;RouterOS Script;
        SELinux Policy;SSH Config;STAR;Salt;Scenic;ShellCheck Config;Talon;Tor Config;Turtle;Verse;
        Vim Snippet;Vyper;WDL;Wavefront Material;Wavefront Object;Wget Config;
        World of Warcraft Addon Data;XCompose;Xonsh;YASnippet;cURL Config;crontab;desktop;
        dircolors;kvlang;mcfunction;nanorc;sed""",
    "//": """AGS Script;AMD GPU;ANTLR;ActionScript;Alloy;AmbientTalk;Arduino;AspectJ;Asymptote;
        Bluespec;Boogie;C;C#;C++;CUDA;Ceylon;Chapel;ChucK;Click;Cypher;DM;Dart;DeviceTree;Dylan;F#;
        F*;Fantom;Felix;FreeFem;GLSL;GSQL;Go;Gosu;Grace;Gradle;Graphviz DOT;Groovy;HLSL;Haxe;
        IGOR Pro;JSX;Java;JavaScript;JavaScript MozPreproc;KRL;Koka;Kotlin;LSL;MQL;Metal;
        MiniScript;Modelica;MuPAD;NetLinx;OMG Interface Definition Language;Objective-C;
        Objective-C++;Odin;Opa;OpenCL;OpenSCAD;Ox;PAWN;PEG;PHP;POV-Ray;Pike;Pony;Processing;
        Protocol Buffer;QML;RenderScript;Rust;SARL;SCSS;SQF;SWIG;Sass;Scala;Scilab;Silver;Smithy;
        Solidity;SourcePawn;Squirrel;Stan;Stata;Stylus;Less;SuperCollider;Swift;SystemVerilog;
        Thrift;TypeScript;Uno;UnrealScript;Vala;Verilog;Web IDL;Whiley;X10;XBase;XC;Xtend;YANG;
        Zephir;Zig;eC;ooc;D;Apex;Jsonnet;Gleam;V;WGSL;Cairo;Move;Prisma;CUE;Kit;Typst;Hack;
        Ballerina;1C Enterprise;4D;ABAP CDS;AIDL;AL;ASL;ATS;Aiken;Aleo;AngelScript;AsciiDoc;
        Avro IDL;B (Formal Method);BAML;Beef;Bicep;Blueprint;C3;CAP CDS;CQL;Cadence;CameLIGO;
        Cangjie;Carbon;CartoCSS;Circom;Clean;Closure Templates;Cloud Firestore Security Rules;
        CodeQL;Cycript;Dafny;Daslang;DataWeave;DirectX 3D File;ECL;Edje Data Collection;Faust;
        Filterscript;FlatBuffers;Flix;GAML;GDShader;GSC;Game Maker Language;Genie;Glimmer JS;
        Glimmer TS;Gno;Go Module;Go Workspace;HIP;Harbour;Hare;HolyC;HyPhy;IL Assembly;ISPC;
        ImHex Pattern Language;ImageJ Macro;Ink;JASS;Jai;JavaScript+ERB;Jison;Jison Lex;Jolie;KDL;
        KFramework;KerboScript;KoLmafia ASH;Kusto;Lambdapi;Langium;Lark;Leo;LigoLANG;Lobster;Logos;
        LoomScript;MLIR;MiniD;Monkey C;MoonBit;Motoko;NWScript;Nemerle;NetLinx+ERB;Nextflow;Noir;
        OMNeT++ MSG;OMNeT++ NED;ObjectScript;Objective-J;OpenQASM;OpenStep Property List;
        OverpassQL;Oxygene;P4;Pkl;PogoScript;Portugol;Power Query;PowerBuilder;Pro*C;Promela;Q#;
        Qt Script;Quake;QuakeC;Quint;RAScript;RON;RPGLE;Rascal;ReScript;ReasonLIGO;Redscript;Rez;
        Sail;ShaderLab;Slang;Slice;Slint;SmPL;Soong;SpiceDB Schema;SugarSS;Sway;TL-Verilog;Tact;
        Toit;Tolk;Type Language;TypeSpec;Unified Parallel C;Valve Data Format;Volt;
        WebAssembly Interface Type;Witcher Script;Wollok;Wren;YARA;Yul;ZenScript;Zmodel;nesC;templ;
        ucode""",
    "--": """Ada;Agda;AppleScript;C2HS Haskell;CADL;Eiffel;Elm;Futhark;Grammatical Framework;
        Haskell;Idris;Lean;Lua;MoonScript;NuSMV;PureScript;QVTO;SQL;Transact-SQL;VHDL;Luau;Teal;
        Dhall;ASN.1;HiveQL;Cool;Curry;Euphoria;Frege;LiveCode Script;MAXScript;Macaulay2;PigLatin;
        SurrealQL;Terra;Untyped Plutus Core;Xmake""",
    ";": """Arc;Assembly;AutoHotkey;AutoIt;BlitzBasic;Clojure;Common Lisp;Csound;Csound Score;
        DASM16;Emacs Lisp;Fennel;G-Code;Hy;Inno Setup;Jasmin;LFE;LLVM;NASM;NCL;NSIS;Nu;Papyrus;
        PureBasic;Racket;Red;Rouge;SMT;Scheme;Xtlang;INI;Rebol;NewLisp;edn;ABNF;CIL;CLIPS;DNS Zone;
        Dune;FIRRTL;GCC Machine Description;Godot Resource;IDL;Ioke;M;MeTTa;Muse;NetLogo;PDDL;Pact;
        Pep8;Redcode;SRecode Template;Simple File Verification;Survex data;Tree-sitter Query;
        Win32 Message File;Windows Registry Entries;ZAP;mIRC Script;wisp""",
    "%": """BST;ELPi;Erlang;LilyPond;Logtalk;MATLAB;Octave;Oz;Rd;TeX;Turing;Prolog;PostScript;
        Mercury;BibTeX;Answer Set Programming;ECLiPSe;MiniZinc;MiniZinc Data;Sweave;TXL""",
    "'": """BlitzMax;BrightScript;Monkey;Propeller Spin;REALbasic;VBScript;Visual Basic;FreeBASIC;
        PlantUML;B4X;BrighterScript;QuickBASIC;Xojo""",
    "!": """ANSYS Parametric Design Language;Factor;Fortran;Fortran Fixed Form;Mosel;
        Adblock Filter List;Clarion;DIGITAL Command Language;Module Management System""",
    '"': "ABAP;VimL",
    "/": "K;Q;Slim",
    "*": "FoxPro;GAMS",
    "*>": "COBOLFree",
    "      *": "COBOL",  # column 7 of the fixed format
    "//*": "JCL",
    "//-": "Jade;Pug",
    "##": "Mako;Velocity;Myghty",
    "%#": "Mason",
    "::": "Mizar;hoon",
    ";;": "WebAssembly;Clarity",
    "NB.": "J",
    "\u235d": "APL",
    "dnl": "M4;M4Sugar",
    '.\\"': "Groff",
    "REM": "Batchfile;BASIC",
    "\\": "Forth;Linear Programming",
    "%%": "Mermaid",
    "-#": "Haml",
    "..": "reStructuredText",
    "@c": "Texinfo",
    "BTW": "LOLCODE",
    "\\*": "TLA",
    ":": "NMODL",
}

BLOCK_COMMENTS: dict[tuple[str, str], str] = {
    ("/*", "*/"): """BC;CSS;GAS;JFlex;Lex;Linker Script;Maxima;OpenEdge ABL;REXX;ReasonML;SAS;XS;
        Bison;Yacc;B;DTrace;PostCSS;RPC;X BitMap;X PixMap""",
    ("(*", "*)"): """Augeas;EBNF;Isabelle;Modula-2;OCaml;Standard ML;UrWeb;Rocq Prover;
        Wolfram Language;Oberon;Charity;Component Pascal;Isabelle ROOT;Modula-3""",
    ("<!--", "-->"): """ASP;Genshi;HTML;HTML ERB;HTML PHP;RHTML;Vue;XML;XML Lasso;XSLT;Markdown;
        Svelte;API Blueprint;Astro;Bikeshed;COLLADA;Eagle;Ecmarkup;HTML+ECR;HTML+EEX;JetBrains MPS;
        LabVIEW;Marko;RMarkdown;Riot;Web Ontology Language;Wikitext;XPages;XProc;mdsvex""",
    ("<!---", "--->"): "ColdFusion CFC;ColdFusion",
    ("<%--", "--%>"): "Groovy Server Pages;Java Server Pages",
    ("{#", "#}"): "HTML Django;Twig;Nunjucks",
    ("{{!--", "--}}"): "Handlebars",
    ("{*", "*}"): "Smarty;Latte",
    ("{% comment %}", "{% endcomment %}"): "Liquid",
    ("<#--", "-->"): "FreeMarker",
    ("(:", ":)"): "JSONiq;XQuery",
    ("{", "}"): "Pascal",
    ("(", ")"): "MUF",
    ('"', '"'): "Self;Smalltalk",
    ("{{--", "--}}"): "Blade;Edge",
    ("{{!", "}}"): "Mustache",
    ("{{#", "#}}"): "Antlers",
    ("@*", "*@"): "HTML+Razor",
    ("<%#", "%>"): "EJS",
    ("{/*", "*/}"): "MDX",
}

NO_COMMENT = """BNF;Brainfuck;CapDL;Cirru;Darcs Patch;Diff;Flux;Glyph;HTTP;Inform 6 Template;JSON;
    Jupyter Notebook;Literate Agda;Literate CoffeeScript;MooCode;Objdump;POD;RConsole;Tea"""


def split_names(names: str) -> list[str]:
    """Return the names of a semicolon-separated list."""
    return [name.strip() for name in names.split(";") if name.strip()]


def comment_syntax() -> dict[str, dict[str, str | list[str]]]:
    """Return, by language, the table's `line` or `block` entry; {} says known to have none."""
    syntax: dict[str, dict[str, str | list[str]]] = {}
    for prefix, names in LINE_COMMENTS.items():
        for name in split_names(names):
            assert name not in syntax, name
            syntax[name] = {"line": prefix}
    for (opening, closing), names in BLOCK_COMMENTS.items():
        for name in split_names(names):
            assert name not in syntax, name
            syntax[name] = {"block": [opening, closing]}
    for name in split_names(NO_COMMENT):
        assert name not in syntax, name
        syntax[name] = {}
    return syntax
