"""Takes out of a comment what a mail program put there: quotations, signatures, footers."""

import re

_CUT = re.compile(
    r"-{2,}\s*(?:Original Message|Reply to this email directly|Forwarded message).*"
    r"|-- ?|_{20,}|(?:Von|From|De|\u53d1\u4ef6\u4eba):\s.*<?[\w.+-]*@[\w.-]+.*",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r".*Reply to this email directly.*|\W*(?:or )?(?:view it on GitHub|mute the thread).*"
    r"|.*(?:You are receiving this because|notifications@github\.com|unsubscribe from this list"
    r"|^\s*Unsubscribe\b|<?https://github\.com/notifications/unsubscribe).*"
    r"|\s*Sent from (?:my|Mail for|Yahoo|Outlook)\b.*|\s*Get Outlook for .*"
    r"|\s*(?:Signed-off-by|Co-authored-by|Reviewed-by): .*<.*>\s*",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"\s*>?\s*(?:On|Am|Le|El)\b.{4,200}\b(?:wrote|schrieb|a \u00e9crit|escribi\u00f3)\s?:\s*"
    r"|\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b.{0,150}<?[\w.+-]+@[\w.-]+>?:?\s*",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_WROTE_LINES = 3  # over which a mail program may break its line
MAX_LINE_CHARS = 1000  # a longer line is no boilerplate


def strip_email(text: str, *, is_reply: bool) -> str:
    """Return a comment without boilerplate; code between fences is left alone.

    Args:
        is_reply: it answers to others, so what it quotes has been said.
    """
    lines = text.split("\n")
    kept: list[str] = []
    is_code = False
    index = 0
    while index < len(lines):
        line = lines[index]
        if _FENCE.match(line):
            is_code = not is_code
        num_wrote = 0 if is_code else _num_wrote(lines, index)
        if num_wrote:
            index = _after_quotation(lines, index + num_wrote)
            kept.append("")
            continue
        index += 1
        if is_code or len(line) > MAX_LINE_CHARS:
            kept.append(line)
        elif is_reply and _CUT.fullmatch(line) and _is_mail(lines[index - 1 :]):
            break
        elif not (_FOOTER.fullmatch(line) or (is_reply and line.lstrip().startswith(">"))):
            kept.append(line)
    return "\n".join(kept)


def _num_wrote(lines: list[str], index: int) -> int:
    """Return how many lines from here say who wrote what follows; 0 for none."""
    for count in range(1, _WROTE_LINES + 1):
        joined = " ".join(lines[index : index + count])
        if len(joined) > MAX_LINE_CHARS:
            return 0
        if _WROTE.fullmatch(joined):
            return count
    return 0


def _after_quotation(lines: list[str], index: int) -> int:
    while index < len(lines) and (not lines[index].strip() or lines[index].lstrip()[:1] == ">"):
        index += 1
    return index


def _is_mail(rest: list[str]) -> bool:
    """Tell whether a line that looks like the end of a mail is one.

    `--` and a long rule also stand in Markdown, where more than a signature follows them.
    """
    is_rule = set(rest[0].strip()) <= {"-", "_"}
    return not is_rule or sum(bool(line.strip()) for line in rest[1:]) <= 6
