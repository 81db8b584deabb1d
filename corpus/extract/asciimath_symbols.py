"""The words of AsciiMath and the TeX they stand for (asciimath.org, "Syntax")."""

from typing import Final

_SAME = """
alpha beta gamma Gamma delta Delta epsilon varepsilon zeta eta theta Theta vartheta iota
kappa lambda Lambda mu nu xi Xi pi Pi rho sigma Sigma tau upsilon phi Phi varphi chi psi
Psi omega Omega sum prod int oint cdot ast star times div circ oplus otimes odot wedge
vee cap cup ne le ge lt gt prec succ sub sup in ni notin subset supset subseteq supseteq
equiv cong approx sim propto neg implies iff forall exists bot top vdash models partial
nabla pm mp infty aleph ldots cdots vdots ddots quad qquad angle triangle diamond square
lfloor rfloor lceil rceil uparrow downarrow rightarrow leftarrow leftrightarrow
Rightarrow Leftarrow Leftrightarrow to mapsto sin cos tan sec csc cot arcsin arccos
arctan sinh cosh tanh coth exp log ln det dim lim gcd min max inf ker arg setminus
emptyset therefore because prime langle rangle hbar ell bigcup bigcap bigwedge bigvee
bowtie ltimes rtimes ll gg
"""
_OTHERS: Final = {
    "lcm": "\\operatorname{lcm}", "mod": "\\bmod",
    "sech": "\\operatorname{sech}", "csch": "\\operatorname{csch}",
    "grad": "\\nabla", "del": "\\partial", "oo": "\\infty", "O/": "\\emptyset",
    "and": "\\text{ and }",
    "or": "\\text{ or }", "if": "\\text{ if }", "not": "\\neg", "AA": "\\forall", "EE": "\\exists",
    "TT": "\\top", "_|_": "\\bot", "|--": "\\vdash", "|==": "\\models", "CC": "\\mathbb{C}",
    "NN": "\\mathbb{N}", "QQ": "\\mathbb{Q}", "RR": "\\mathbb{R}", "ZZ": "\\mathbb{Z}",
    "+-": "\\pm", "-+": "\\mp", "*": "\\cdot", "**": "\\ast", "***": "\\star", "//": "/",
    "\\\\": "\\setminus", "xx": "\\times", "-:": "\\div", "@": "\\circ", "o+": "\\oplus",
    "ox": "\\otimes", "o.": "\\odot", "^^": "\\wedge", "^^^": "\\bigwedge", "vv": "\\vee",
    "vvv": "\\bigvee", "nn": "\\cap", "nnn": "\\bigcap", "uu": "\\cup", "uuu": "\\bigcup",
    "!=": "\\ne", "<=": "\\le", ">=": "\\ge", "lt=": "\\le", "gt=": "\\ge", "-<": "\\prec",
    ">-": "\\succ", "!in": "\\notin", "sub": "\\subset", "sup": "\\supset", "sube": "\\subseteq",
    "supe": "\\supseteq", "-=": "\\equiv", "~=": "\\cong", "~~": "\\approx", "~": "\\sim",
    "prop": "\\propto", "=>": "\\implies", "<=>": "\\iff", "->": "\\to", "|->": "\\mapsto",
    ">->": "\\rightarrowtail", "->>": "\\twoheadrightarrow", "rarr": "\\rightarrow",
    "larr": "\\leftarrow", "uarr": "\\uparrow", "darr": "\\downarrow", "harr": "\\leftrightarrow",
    "rArr": "\\Rightarrow", "lArr": "\\Leftarrow", "hArr": "\\Leftrightarrow", "...": "\\ldots",
    ":.": "\\therefore", ":'": "\\because", "/_": "\\angle", "'": "'", "hyp": "\\operatorname{hyp}",
    "%": "\\%", "#": "\\#", "&": "\\&", "$": "\\$", "diameter": "\\varnothing", "dx": "dx",
    "dy": "dy", "dz": "dz", "dt": "dt",
}  # fmt: skip

SYMBOLS: Final[dict[str, str]] = {**{name: f"\\{name}" for name in _SAME.split()}, **_OTHERS}
UNARY: Final = {
    "sqrt": "\\sqrt{%s}", "abs": "\\left|%s\\right|", "floor": "\\lfloor %s\\rfloor",
    "ceil": "\\lceil %s\\rceil", "norm": "\\left\\|%s\\right\\|", "hat": "\\hat{%s}",
    "bar": "\\overline{%s}", "overline": "\\overline{%s}", "ul": "\\underline{%s}",
    "underline": "\\underline{%s}", "vec": "\\vec{%s}", "tilde": "\\tilde{%s}", "dot": "\\dot{%s}",
    "ddot": "\\ddot{%s}", "ubrace": "\\underbrace{%s}", "underbrace": "\\underbrace{%s}",
    "obrace": "\\overbrace{%s}", "overbrace": "\\overbrace{%s}", "cancel": "\\cancel{%s}",
    "bb": "\\mathbf{%s}", "mathbf": "\\mathbf{%s}", "sf": "\\mathsf{%s}", "bbb": "\\mathbb{%s}",
    "mathbb": "\\mathbb{%s}", "cc": "\\mathcal{%s}", "mathcal": "\\mathcal{%s}",
    "tt": "\\mathtt{%s}", "fr": "\\mathfrak{%s}", "mathfrak": "\\mathfrak{%s}",
    "overarc": "\\overset{\\frown}{%s}",
}  # fmt: skip
BINARY: Final = {
    "frac": "\\frac{%s}{%s}", "root": "\\sqrt[%s]{%s}", "stackrel": "\\stackrel{%s}{%s}",
    "overset": "\\overset{%s}{%s}", "underset": "\\underset{%s}{%s}", "color": "{\\color{%s}%s}",
}  # fmt: skip
TEXT: Final = frozenset(("text", "mbox"))
LEFT: Final = {
    "(": "(", "[": "[", "{": "\\{", "(:": "\\langle", "<<": "\\langle", "{:": ".",
    "langle": "\\langle", "|__": "\\lfloor", "|~": "\\lceil",
}  # fmt: skip
RIGHT: Final = {
    ")": ")", "]": "]", "}": "\\}", ":)": "\\rangle", ">>": "\\rangle", ":}": ".",
    "rangle": "\\rangle", "__|": "\\rfloor", "~|": "\\rceil",
}  # fmt: skip
