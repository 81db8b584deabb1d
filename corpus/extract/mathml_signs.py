"""What TeX calls the signs of mathematics: one table for MathML and AsciiMath."""

from typing import Final

_GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho
varsigma sigma tau upsilon varphi chi psi omega
"""
_CAPITALS: Final = {
    "\u0393": "Gamma",
    "\u0394": "Delta",
    "\u0398": "Theta",
    "\u039b": "Lambda",
    "\u039e": "Xi",
    "\u03a0": "Pi",
    "\u03a3": "Sigma",
    "\u03a5": "Upsilon",
    "\u03a6": "Phi",
    "\u03a8": "Psi",
    "\u03a9": "Omega",
}
_NAMED: Final = {
    "\u00b1": "pm", "\u00b7": "cdot", "\u00d7": "times", "\u00f7": "div", "\u00ac": "neg",
    "\u03b5": "varepsilon", "\u03d1": "vartheta", "\u03d5": "phi", "\u03d6": "varpi",
    "\u03f5": "epsilon", "\u03f1": "varrho", "\u2016": "|", "\u2020": "dagger",
    "\u2026": "ldots", "\u2032": "prime", "\u210f": "hbar", "\u2111": "Im", "\u2113": "ell",
    "\u2118": "wp", "\u211c": "Re", "\u2135": "aleph", "\u2190": "leftarrow",
    "\u2191": "uparrow", "\u2192": "to", "\u2193": "downarrow", "\u2194": "leftrightarrow",
    "\u21a6": "mapsto", "\u21d0": "Leftarrow", "\u21d2": "Rightarrow",
    "\u21d4": "Leftrightarrow", "\u21aa": "hookrightarrow", "\u21c0": "rightharpoonup",
    "\u2200": "forall", "\u2202": "partial", "\u2203": "exists", "\u2204": "nexists",
    "\u2205": "emptyset", "\u2206": "Delta", "\u2207": "nabla", "\u2208": "in",
    "\u2209": "notin", "\u220b": "ni", "\u220f": "prod", "\u2210": "coprod", "\u2211": "sum",
    "\u2213": "mp", "\u2216": "setminus", "\u2217": "ast", "\u2218": "circ", "\u2219": "bullet",
    "\u221d": "propto", "\u221e": "infty", "\u2220": "angle", "\u2223": "mid",
    "\u2224": "nmid", "\u2225": "parallel", "\u2227": "wedge", "\u2228": "vee",
    "\u2229": "cap", "\u222a": "cup", "\u222b": "int", "\u222c": "iint", "\u222d": "iiint",
    "\u222e": "oint", "\u2234": "therefore", "\u2235": "because", "\u223c": "sim",
    "\u2243": "simeq", "\u2245": "cong", "\u2248": "approx", "\u2250": "doteq",
    "\u2254": "coloneqq", "\u2260": "neq", "\u2261": "equiv", "\u2264": "leq",
    "\u2265": "geq", "\u226a": "ll", "\u226b": "gg", "\u227a": "prec", "\u227b": "succ",
    "\u2282": "subset", "\u2283": "supset", "\u2284": "not\\subset", "\u2286": "subseteq",
    "\u2287": "supseteq", "\u228a": "subsetneq", "\u2295": "oplus", "\u2296": "ominus",
    "\u2297": "otimes", "\u2299": "odot", "\u22a2": "vdash", "\u22a4": "top",
    "\u22a5": "perp", "\u22a8": "models", "\u22c0": "bigwedge", "\u22c1": "bigvee",
    "\u22c2": "bigcap", "\u22c3": "bigcup", "\u22c4": "diamond", "\u22c5": "cdot",
    "\u22c6": "star", "\u22c9": "ltimes", "\u22ca": "rtimes", "\u22ee": "vdots",
    "\u22ef": "cdots", "\u22f1": "ddots", "\u2308": "lceil", "\u2309": "rceil",
    "\u230a": "lfloor", "\u230b": "rfloor", "\u25a1": "square", "\u25b3": "triangle",
    "\u27e8": "langle", "\u27e9": "rangle", "\u2329": "langle", "\u232a": "rangle",
    "\u27f5": "longleftarrow", "\u27f6": "longrightarrow", "\u27f9": "Longrightarrow",
    "\u27fa": "Longleftrightarrow", "\u27fc": "longmapsto", "\u2a01": "bigoplus",
    "\u2a02": "bigotimes", "\u2a7d": "leqslant", "\u2a7e": "geqslant",
    "{": "{", "}": "}", "%": "%", "#": "#", "&": "&", "$": "$",
}  # fmt: skip
_FUNCTIONS = """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim
liminf limsup ln log max min Pr sec sin sinh sup tan tanh
"""
_INVISIBLE: Final = "\u2061\u2062\u2063\u2064\u200b\u200c\u200d\ufeff\u00ad"
_DIGITS_OF_LETTERS: Final = {"\u2102": "C", "\u2115": "N", "\u2119": "P", "\u211a": "Q"} | {
    "\u211d": "R",
    "\u2124": "Z",
}

SIGNS: Final[dict[str, str]] = {
    **{
        chr(0x3B1 + index): f"\\{name}"
        for index, name in enumerate(_GREEK.split())
        if name != "omicron"
    },
    **{sign: f"\\{name}" for sign, name in _CAPITALS.items()},
    **{sign: f"\\{name}" for sign, name in _NAMED.items()},
    **{sign: f"\\mathbb{{{letter}}}" for sign, letter in _DIGITS_OF_LETTERS.items()},
    **dict.fromkeys(_INVISIBLE, ""),
    "\u2212": "-",
    "\u2010": "-",
    "\u2215": "/",
    "\u2236": ":",
    "\u2033": "''",
    "\u00a0": " ",
    "\u2009": "\\,",
    "\u2003": "\\quad",
    "\u03bf": "o",
}
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())
ACCENTS: Final = {
    "^": "\\hat",
    "\u02c6": "\\hat",
    "~": "\\tilde",
    "\u02dc": "\\tilde",
    "\\sim": "\\tilde",
    "\u00af": "\\overline",
    "\u203e": "\\overline",
    "-": "\\bar",
    "_": "\\overline",
    "\\to": "\\vec",
    "\\rightharpoonup": "\\vec",
    ".": "\\dot",
    "\u02d9": "\\dot",
    "..": "\\ddot",
    "\u00a8": "\\ddot",
    "\u02c7": "\\check",
    "\u02d8": "\\breve",
    "\u23de": "\\overbrace",
}
UNDER_ACCENTS: Final = {
    "_": "\\underline",
    "\u00af": "\\underline",
    "\u0332": "\\underline",
    "-": "\\underline",
    "\u23df": "\\underbrace",
}
