"""A page's charset: what is declared is believed where the bytes agree with it."""

import re

from resiliparse.parse.encoding import map_encoding_to_html5

from ..decode import Decoded, Undecoded, decode_legacy, decode_strict, decode_unicode

# A page with one stray byte is a page; a page with one in a thousand is the wrong charset.
MAX_REPLACED_FRACTION = 0.001
META_BYTES = 4096

_META_CHARSET = re.compile(
    rb"<meta\b[^>]*?charset\s*=\s*(?:[\"']\s*)?([A-Za-z0-9][A-Za-z0-9_:.+-]*)", re.I
)


def decode_page(payload: bytes, charset: str | None, *, is_html: bool) -> Decoded | Undecoded:
    """Return a page's text: Unicode where it is valid, then what is declared, then a guess.

    Args:
        charset: what the HTTP header says; in HTML a <meta> tag has the second word.
    """
    outcome = decode_unicode(payload)
    if outcome is not None and outcome != "undecodable":
        return outcome
    labels = [charset] if charset else []
    if is_html and (found := _META_CHARSET.search(payload, 0, META_BYTES)):
        labels.append(found[1].decode("ascii"))
    # The map knows the web's labels only, so that no page can name a codec that is no charset.
    declared = [
        name for label in labels if (name := map_encoding_to_html5(label, fallback_utf8=False))
    ]
    for name in declared:
        if (decoded := decode_strict(payload, name)) is not None and "\0" not in decoded.text:
            return decoded
    outcome = decode_legacy(payload)
    if isinstance(outcome, Decoded) and not declared:
        return outcome
    for name in (*declared, "utf-8"):
        if (decoded := _decode_most(payload, name)) is not None:
            return decoded
    return outcome


def _decode_most(payload: bytes, name: str) -> Decoded | None:
    text = payload.decode(name, "replace")
    num_replaced = text.count("\ufffd")
    if num_replaced > MAX_REPLACED_FRACTION * len(text) or "\0" in text:
        return None
    return Decoded(text, name)
