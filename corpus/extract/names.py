"""What the names of tags, attributes, environments and classes mean to a scan of a page's markup.

The flags are those of corpus/native/markup.c too, which is handed these tables.
"""

from typing import Final

FLAT: Final = 1 << 0  # void, or closed by what follows
RAW: Final = 1 << 1  # its text has no markup
HEAD: Final = 1 << 2  # as long as all tags are these, nothing belongs to the body
WHOLE: Final = 1 << 3  # of these, without a trace in the text
BLOCK: Final = 1 << 4  # no formula in the text reaches beyond it
CODE: Final = 1 << 5
FORMATTING: Final = 1 << 6  # the parser compares their attributes when it opens them again
FOREIGN: Final = 1 << 7
INTEGRATION: Final = 1 << 8  # HTML inside what is foreign
STRANGE: Final = 1 << 9  # tags after it are none
OPENS: Final = 1 << 10  # after it a type of the document has no effect
SCRIPT: Final = 1 << 11
PRE: Final = 1 << 12
IMAGE: Final = 1 << 13
OPTION: Final = 1 << 14
SELECT: Final = 1 << 15
TEMPLATE: Final = 1 << 16
COLUMN: Final = 1 << 17
BREAK: Final = 1 << 18
MATH: Final = 1 << 19
NOSCRIPT: Final = 1 << 20
IS_HEAD: Final = 1 << 21

# Of attributes: not looked at by the parser or by what chooses the text, or of use here.
CUT: Final = 1
TYPE: Final = 2
CLASS: Final = 4
ALT: Final = 8
SOURCE: Final = 16
FORMULA: Final = 32

_NAMES: Final = {
    FLAT: "area base br col embed hr img input link meta param source track wbr p li dt dd tr td"
    " th thead tbody tfoot option optgroup html head body",
    RAW: "script style title textarea xmp iframe noembed noframes",
    HEAD: "html head meta link base title script style noscript",
    WHOLE: "meta link base title script style",
    BLOCK: "address article aside blockquote body caption center dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li listing"
    " main menu nav ol option p pre section summary table tbody td tfoot th thead tr ul",
    CODE: "pre code tt kbd samp listing",
    FORMATTING: "b big code em font i nobr s small strike strong tt u",
    FOREIGN: "svg math",
    INTEGRATION: "foreignobject desc title mi mo mn ms mtext annotation-xml",
    STRANGE: "frameset plaintext",
    OPENS: "html head",
    SCRIPT: "script",
    PRE: "pre listing",
    IMAGE: "img",
    OPTION: "option",
    SELECT: "select",
    TEMPLATE: "template",
    COLUMN: "col",
    BREAK: "br",
    MATH: "math",
    NOSCRIPT: "noscript",
    IS_HEAD: "head",
}
_ATTRIBUTE_NAMES: Final = {
    CUT: "href src srcset sizes target title width height content d points loading decoding"
    " viewbox transform fill cite action data-mathml data-katex data-latex data-tex",
    TYPE: "type",
    CLASS: "class",
    ALT: "alt",
    SOURCE: "src",
    FORMULA: "data-mathml data-katex data-latex data-tex",
}
_ENVIRONMENT_NAMES: Final = (
    "equation align alignat gather multline eqnarray displaymath math flalign aligned gathered"
    " split cases matrix pmatrix bmatrix vmatrix array cd tikzcd tikzpicture"
)
_IMAGE_CLASS_NAMES: Final = (
    "latex math tex mathtex equation formula mathimg wirisformula formulainl formuladsp"
)


def _flags(names: dict[int, str]) -> dict[bytes, int]:
    flags: dict[bytes, int] = {}
    for flag, words in names.items():
        for word in words.encode().split():
            flags[word] = flags.get(word, 0) | flag
    return flags


TAGS: Final = _flags(_NAMES)
ATTRIBUTES: Final = _flags(_ATTRIBUTE_NAMES)
ENVIRONMENTS: Final = _flags({1: _ENVIRONMENT_NAMES})
IMAGE_CLASSES: Final = _flags({1: _IMAGE_CLASS_NAMES})
