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
        Python;R;RAML;Ragel in Ruby Host;Ren'Py;Ride;Robot Framework;Ruby;S;SPARQL;Sage;Shell;ShExC;
        Sieve;Singularity;Smali;Tcl;Tcsh;Terminfo;Treetop;TypoScript;USD;Unity3D Asset;VCL;Bro;Zeek;
        Zimpl;YAML;TOML;Starlark;Nushell;Snakemake;Just;Dotenv;Cabal Config;jq;
        Git Config;Ignore List;Gherkin;RPM Spec;Elvish;Java Properties;EditorConfig;CODEOWNERS""",
    "//": """AGS Script;AMD GPU;ANTLR;ActionScript;Alloy;AmbientTalk;Arduino;AspectJ;Asymptote;
        Bluespec;Boogie;C;C#;C++;CUDA;Ceylon;Chapel;ChucK;Click;Cypher;DM;Dart;DeviceTree;Dylan;F#;
        F*;Fantom;Felix;FreeFem;GLSL;GSQL;Go;Gosu;Grace;Gradle;Graphviz DOT;Groovy;HLSL;Haxe;
        IGOR Pro;JSX;Java;JavaScript;JavaScript MozPreproc;KRL;Koka;Kotlin;LSL;MQL;Metal;MiniScript;
        Modelica;MuPAD;NetLinx;OMG Interface Definition Language;Objective-C;Objective-C++;Odin;Opa;
        OpenCL;OpenSCAD;Ox;PAWN;PEG;PHP;POV-Ray;Pike;Pony;Processing;Protocol Buffer;QML;
        RenderScript;Rust;SARL;SCSS;SQF;SWIG;Sass;Scala;Scilab;Silver;Smithy;Solidity;SourcePawn;
        Squirrel;Stan;Stata;Stylus;Less;SuperCollider;Swift;SystemVerilog;Thrift;TypeScript;Uno;
        UnrealScript;Vala;Verilog;Web IDL;Whiley;X10;XBase;XC;Xtend;YANG;Zephir;Zig;eC;ooc;
        D;Apex;Jsonnet;Gleam;V;WGSL;Cairo;Move;Prisma;CUE;Kit;Typst;Hack;Ballerina""",
    "--": """Ada;Agda;AppleScript;C2HS Haskell;CADL;Eiffel;Elm;Futhark;Grammatical Framework;
        Haskell;Idris;Lean;Lua;MoonScript;NuSMV;PureScript;QVTO;SQL;Transact-SQL;VHDL;
        Luau;Teal;Dhall;ASN.1;HiveQL""",
    ";": """Arc;Assembly;AutoHotkey;AutoIt;BlitzBasic;Clojure;Common Lisp;Csound;Csound Score;
        DASM16;Emacs Lisp;Fennel;G-Code;Hy;Inno Setup;Jasmin;LFE;LLVM;NASM;NCL;NSIS;Nu;Papyrus;
        PureBasic;Racket;Red;Rouge;SMT;Scheme;Xtlang;INI;Rebol;NewLisp;edn""",
    "%": """BST;ELPi;Erlang;LilyPond;Logtalk;MATLAB;Octave;Oz;Rd;TeX;Turing;Prolog;PostScript;
        Mercury;BibTeX""",
    "'": """BlitzMax;BrightScript;Monkey;Propeller Spin;REALbasic;VBScript;Visual Basic;
        FreeBASIC;PlantUML""",
    "!": "ANSYS Parametric Design Language;Factor;Fortran;Fortran Fixed Form;Mosel",
    '"': "ABAP;VimL",
    "/": "K;Q;Slim",
    "*": "FoxPro",
    "*>": "COBOLFree",
    "      *": "COBOL",  # column 7 of the fixed format
    "//*": "JCL",
    "//-": "Jade;Pug",
    "##": "Mako;Velocity",
    "%#": "Mason",
    "::": "Mizar",
    ";;": "WebAssembly",
    "NB.": "J",
    "\u235d": "APL",
    "dnl": "M4",
    '.\\"': "Groff",
    "REM": "Batchfile",
    "\\": "Forth",
}

BLOCK_COMMENTS: dict[tuple[str, str], str] = {
    ("/*", "*/"): """BC;CSS;GAS;JFlex;Lex;Linker Script;Maxima;OpenEdge ABL;REXX;ReasonML;SAS;XS;
        Bison;Yacc""",
    ("(*", "*)"): """Augeas;EBNF;Isabelle;Modula-2;OCaml;Standard ML;UrWeb;Rocq Prover;
        Wolfram Language;Oberon""",
    ("<!--", "-->"): """ASP;Genshi;HTML;HTML ERB;HTML PHP;RHTML;Vue;XML;XML Lasso;XSLT;Markdown;
        Svelte""",
    ("<!---", "--->"): "ColdFusion CFC;ColdFusion",
    ("<%--", "--%>"): "Groovy Server Pages;Java Server Pages",
    ("{#", "#}"): "HTML Django;Twig;Nunjucks",
    ("{{!--", "--}}"): "Handlebars",
    ("{*", "*}"): "Smarty",
    ("{% comment %}", "{% endcomment %}"): "Liquid",
    ("<#--", "-->"): "FreeMarker",
    ("(:", ":)"): "JSONiq;XQuery",
    ("{", "}"): "Pascal",
    ("(", ")"): "MUF",
    ('"', '"'): "Self;Smalltalk",
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
