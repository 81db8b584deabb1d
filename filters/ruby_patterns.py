r"""Translate linguist's Ruby patterns to RE2's syntax, in which every search takes linear time.

RE2 is told that ^ and $ mean lines, as they always do in Ruby. What differs beyond that is
translated here: (?m) in Ruby lets the dot match newlines, \s and \S count the vertical tab as
space, and the patterns of REWRITTEN use what RE2 has not; each stands there with a form that
matches in the same texts. A pattern with any other construct of Ruby's own is refused.
"""

import re

_SPACE = r"\s\v"
_NOT_SPACE = r"\x00-\x08\x0e-\x1f!-\x{10FFFF}"
_FLAGS = {"(?-m)": "", "(?m)": "(?s)", "(?im)": "(?is)", "(?i)": "(?i)"}
_GROUPS = ("(", "(?:", "(?i:")
_LETTERS = frozenset("AbdDfnrtwWz")  # whose escapes mean the same to both
_SET_OPERATION = re.compile(r"&&|(?!^)\[")  # intersection, or a set within a set

_TOKEN = re.compile(
    r"(?P<flags>\(\?[a-z-]+\))"
    r"|(?P<group>\((?:\?(?:[a-z-]*:)?)?)"
    r"|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<space>\\[sS])"
    r"|\\(?P<letter>\w)"
    r"|(?P<possessive>[*+?}]\+)"
    r"|\\.|.",
    re.DOTALL,
)


def translate_pattern(ruby: str) -> str:
    """Return a pattern for RE2 that matches in the texts in which a Ruby pattern does.

    Raises ValueError for a construct that is not known to mean the same to both.
    """
    if ruby in REWRITTEN:
        return REWRITTEN[ruby]
    return "".join(_translate(match) for match in _TOKEN.finditer(ruby))


def _translate(match: re.Match[str]) -> str:
    token, kind = match.group(), match.lastgroup
    if kind == "set" and not _SET_OPERATION.search(re.sub(r"\\.", "", token)):
        return _translate_set(token)
    if kind == "space":
        return _translate_set(f"[{token}]")
    # Flags inside a Ruby pattern hold to its end, behind a bar as well; RE2's do not.
    if kind == "flags" and token in _FLAGS and not (match.start() and "|" in match.string):
        return _FLAGS[token]
    if (
        kind is None
        or (kind == "group" and token in _GROUPS)
        or (kind == "letter" and token[1] in _LETTERS)
    ):
        return token
    raise ValueError(f"{kind} {token!r} of Ruby in {match.string!r}")


def _translate_set(characters: str) -> str:
    if characters == r"[\s\S]":
        return characters
    if characters == r"[\S]":
        return f"[^{_SPACE}]"
    spelled = {r"\s": _SPACE, r"\S": _NOT_SPACE}
    return re.sub(r"\\.", lambda match: spelled.get(match.group(), match.group()), characters)


def _vim_help() -> str:
    r"""Return the pattern of a Vim modeline that says `ft=help`.

    Ruby's looks ahead from the first colon: behind it stands `set` with a later colon, or
    something else. Here the two cases are spelled out.
    """
    value = r"(?:[^\\\s\v]|\\.)*"
    assigned = rf"(?:[ \t]*={value})?"
    named = r"(?:filetype|ft|syntax)[ \t]*=help"
    settings = rf"(?:(?:[ \t]*:[ \t]*|[ \t])\w*{assigned})*[ \t:]{named}"
    behind_colon = rf":(?:[ \t]*\w*{assigned}{settings}|{named})"
    no_set = r"(?:[^\Ws]\w*|s(?:[^\We]\w*)?|se[^\Wt]\w*|set\w+)"
    other = rf"{no_set}{assigned}{settings}|(?:set?)?(?:={value}{settings}|{behind_colon})|{named}"
    # Up to the first colon behind `set`, which ends no line and follows at least one character.
    plain_value = r"(?:[^\\\s\v:]|\\[^\r\n:])*"
    plain_assigned = rf"(?:[ \t]*={plain_value})"
    plain = rf"[ \t]\w*{plain_assigned}?"
    before_colon = (
        rf"(?:[ \t](?:\w+{plain_assigned}?|{plain_assigned})(?:{plain})*|[ \t](?:{plain})+)"
    )
    end = r"(?:$|[\s\v:])"
    set_ = (
        rf"{before_colon}{behind_colon}{end}"
        rf"|(?:{plain})*[ \t]\w*[ \t]*={plain_value}\\?:{value}{settings}{end}"
        rf"|(?:{plain})*[ \t]{named}(?:[ \t\v\f][^\r\n:]*)?:"
    )
    head = r"(?:(?:^|[ \t])[vV]im[<=>]?[0-9]+|(?:^|[ \t])(?:vim?|Vim)|[ \t]ex)"
    return rf"{head}:[ \t]*(?:(?:{other}){end}|set?(?:{set_}))"


def _hosts() -> str:
    """Return the pattern of a line of a hosts file.

    Ruby's takes host names possessively: one that ends in a hyphen, or is followed by anything but
    space, is not matched in part. Here the names end in a letter, a digit or a low line.
    """
    byte = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\b"
    host = r"(?:\w[-\w]*\.)*\w(?:[-\w]*\w)?"
    after_blank = r"[ \t]+(?:[^\w \t]|\z)"
    return (
        rf"^{byte}(?:\.{byte}){{3}}(?:/(?:3[0-2]|[12]?\d)\b)?"
        rf"(?:[ \t]+{host})*(?:$|[\n\v\f\r]|{after_blank})"
    )


def _block_list() -> str:
    """Return the pattern of the head of an advertisement blocker's list, a group called by name."""
    name = r"(?:[Aa]d[Bb]lock(?:[ \t][Pp]lus)?|u[Bb]lock(?:[ \t][Oo]rigin)?|[Aa]d[Gg]uard)"
    version = name + r"(?:[ \t]\d+(?:\.\d+)*)?"
    return rf"\A\[{version}(?:[ \t]?;[ \t]?{version})*\]"


# Keyed by linguist's text, so that a changed pattern of a newer linguist is seen.
REWRITTEN: dict[str, str] = {
    r"^[\s&&[^\r\n]]*=(comment|begin pod|begin para|item\d+)": (
        r"^[\t\v\f ]*=(comment|begin pod|begin para|item\d+)"
    ),
    r"(?<!\{)\{(\*\s|\$|\/)?\w*\b": r"(?:\A|[^{])\{(?:\*[\s\v]|[$/])?\w*\b",
    (
        r"(?:(?:^|[ \t])(?:vi|Vi(?=m))(?:m[<=>]?[0-9]+|m)?|[ \t]ex)"
        r"(?=:(?=[ \t]*set?[ \t][^\r\n:]+:)|:(?![ \t]*set?[ \t]))"
        r"(?:(?:[ \t]*:[ \t]*|[ \t])\w*(?:[ \t]*=(?:[^\\\s]|\\.)*)?)*"
        r"[ \t:](?:filetype|ft|syntax)[ \t]*=(help)(?=$|\s|:)"
    ): _vim_help(),
    (
        r"(?xi) ^(?<ipv4>(?!\.)(?:\.?(?: 25[0-5]|   2[0-4]\d|   1\d\d|   [1-9]?\d)\b){4})"
        r"(?<cidr>/(3[0-2]|[12]?\d)\b)?"
        r"(?<domains>[ \t]+\w[-\w]* (?:\.\w[-\w]*)*(?<!-)\b)*+(?:$|\s)"
    ): _hosts(),
    (
        r"(?x)\A\[(?<version>"
        r"(?:[Aa]d[Bb]lock(?:[ \t][Pp]lus)?|u[Bb]lock(?:[ \t][Oo]rigin)?|[Aa]d[Gg]uard)"
        r"(?:[ \t] \d+(?:\.\d+)*+)?)(?:[ \t]?;[ \t]?\g<version>)*+\]"
    ): _block_list(),
}
