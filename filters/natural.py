"""Which natural language a page, a document or a comment is in: its claim against its content.

Pages lie about their language, but seldom, and short ones have nothing to judge by. On 2,135
crawled pages of 21 sites the content never contradicted a true claim once a text without letters
(an index of single letters, a title) was left to its claim. So a claim holds unless a text that is
long enough says otherwise, and says it clearly.
"""

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from .comments import comment_text
from .natural_engines import UNDETERMINED, Identifier, NaturalEngine, load_identifier

COMMENT_LANGUAGE = "comment_language"  # a signal that is measured only if a rule names it
HEAD_CHARS = 4096  # of a text are judged: more changes no answer, and eldc takes 0.1 ms for them
MIN_LETTER_BYTES = 24  # in words, as UTF-8: a Chinese word says as much as an English one
CLAIM_CONFIDENCE = 0.5  # of a claim that nothing confirms; not measured
READ_ROWS = 256  # texts turned into Python strings at a time
# The lowest confidence that is believed, at which each is right on .97 of single messages.
THRESHOLDS: MappingProxyType[NaturalEngine, float] = MappingProxyType(
    {"eldc": 0.6, "lid176": 0.5, "hint": 1.0}
)
# Overruling a claim needs more: a claim is right far more often than an engine at its threshold.
OVERRULING_CONFIDENCE = 0.7

_WORDS = re.compile(r"[^\W\d_]{2,}")
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_,;].*)?", re.DOTALL)

# Languages that engines name alike or confuse; a claim of one is no lie if they say another.
_KIN_GROUPS = "nb nn no da;bs hr sh sr;id ms;tl fil;zh yue wuu;cs sk;az azb;fa prs;ku ckb"
_KIN = {tag: group for group in _KIN_GROUPS.split(";") for tag in group.split()}
# ISO 639-3 as WET files have it, and withdrawn codes: the tag that BCP-47 wants.
_SHORTER = (
    "afr=af amh=am ara=ar aze=az bel=be ben=bn bos=bs bul=bg cat=ca ces=cs cze=cs cym=cy "
    "dan=da deu=de ger=de ell=el gre=el eng=en epo=eo est=et eus=eu fas=fa per=fa fin=fi "
    "fra=fr fre=fr gle=ga glg=gl guj=gu heb=he hin=hi hrv=hr hun=hu hye=hy ind=id isl=is "
    "ita=it jpn=ja kan=kn kat=ka kaz=kk khm=km kor=ko kur=ku lao=lo lat=la lav=lv lit=lt "
    "mal=ml mar=mr mkd=mk mon=mn msa=ms may=ms mya=my nep=ne nld=nl dut=nl nob=nb nno=nn "
    "nor=no ori=or pan=pa pol=pl por=pt ron=ro rum=ro rus=ru slk=sk slv=sl spa=es sqi=sq "
    "srp=sr swa=sw swe=sv tam=ta tat=tt tel=te tgl=tl tha=th tur=tr ukr=uk urd=ur uzb=uz "
    "vie=vi yor=yo zho=zh chi=zh cmn=zh iw=he in=id ji=yi mo=ro"
)
_SHORT_TAGS = dict(pair.split("=") for pair in _SHORTER.split())


class NaturalColumns(NamedTuple):
    """What is known of each text's language, row for row."""

    languages: pa.Array  # string: a primary BCP-47 tag, or "und"
    evidence: pa.Array  # string: text, hint or none
    confidence: pa.Array  # float32, 0 to 1


def identify(
    texts: pa.ChunkedArray, *, engine: NaturalEngine = "eldc", threshold: float | None = None
) -> tuple[pa.Array, pa.Array]:
    """Return the tag and the confidence of each text by its content alone.

    The tag is "und" (confidence 0) for a text that is null, has fewer than MIN_LETTER_BYTES of
    letters in words, or is less sure than the threshold (None: the engine's own).
    """
    found = _identify(texts, load_identifier(engine))
    least = THRESHOLDS[engine] if threshold is None else threshold
    sure = [one if one[1] >= least else (UNDETERMINED, 0.0) for one in found]
    tags = pa.array([tag for tag, _ in sure], pa.string())
    return tags, pa.array([confidence for _, confidence in sure], pa.float32())


def natural_language_columns(
    texts: pa.ChunkedArray,
    hints: pa.ChunkedArray,
    *,
    engine: NaturalEngine = "eldc",
    threshold: float | None = None,
) -> NaturalColumns:
    """Return the language of pages and documents from their content and from what they claim.

    A claim stands (evidence "hint") where the content agrees, is too short to judge or not sure,
    or where the engine does not know the claimed language; else the content decides ("text").
    """
    identifier = load_identifier(engine)
    least = THRESHOLDS[engine] if threshold is None else threshold
    found = _identify(texts, identifier)
    rows = [
        _judge(claimed_tag(hint), tag, confidence, least, identifier.languages)
        for hint, (tag, confidence) in zip(hints.to_pylist(), found, strict=True)
    ]
    return NaturalColumns(
        pa.array([row[0] for row in rows], pa.string()),
        pa.array([row[1] for row in rows], pa.string()),
        pa.array([row[2] for row in rows], pa.float32()),
    )


def comment_languages(
    texts: pa.ChunkedArray, languages: pa.ChunkedArray, *, engine: NaturalEngine = "eldc"
) -> pa.Array:
    """Return the tag of each file's comments: "und" if unsure, null where no comment was found."""
    comments: list[str | None] = []
    heads = pc.utf8_slice_codeunits(texts, 0, 4 * HEAD_CHARS)
    for batch in pa.table([heads, languages], names=["text", "language"]).to_batches(READ_ROWS):
        for row in batch.to_pylist():
            text = comment_text(row["text"] or "", row["language"])
            comments.append(text or None)
    column = pa.chunked_array([pa.array(comments, pa.large_string())])
    tags, _ = identify(column, engine=engine)
    return pc.if_else(column.combine_chunks().is_valid(), tags, pa.scalar(None, pa.string()))


def claimed_tag(hint: str | None) -> str | None:
    """Return the primary BCP-47 tag of a claim (en-US, zh_TW, eng), or None if it is none."""
    match = _TAG.fullmatch((hint or "").strip())
    if match is None:
        return None
    tag = match[1].lower()
    return None if tag == UNDETERMINED else _SHORT_TAGS.get(tag, tag)


def _judge(
    claim: str | None, tag: str, confidence: float, threshold: float, known: frozenset[str]
) -> tuple[str, str, float]:
    if claim is None:
        if confidence >= threshold:
            return tag, "text", confidence
        return UNDETERMINED, "none", 0.0
    if _KIN.get(claim, claim) == _KIN.get(tag, tag):
        return claim, "hint", max(confidence, CLAIM_CONFIDENCE)
    is_known = not known.isdisjoint(_KIN.get(claim, claim).split())
    if is_known and confidence >= max(threshold, OVERRULING_CONFIDENCE):
        return tag, "text", confidence
    return claim, "hint", CLAIM_CONFIDENCE


def _identify(texts: pa.ChunkedArray, identifier: Identifier) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for batch in pa.table([texts], names=["text"]).to_batches(READ_ROWS):
        heads = pc.utf8_slice_codeunits(batch["text"], 0, HEAD_CHARS).to_pylist()
        found += _identify_batch(heads, identifier)
    return found


def _identify_batch(texts: Sequence[str | None], identifier: Identifier) -> list[tuple[str, float]]:
    answers: list[tuple[str, float]] = [(UNDETERMINED, 0.0)] * len(texts)
    enough = [i for i, text in enumerate(texts) if text and _letter_bytes(text)]
    judged = identifier.identify(texts[i] or "" for i in enough)
    for i, answer in zip(enough, judged, strict=True):
        answers[i] = answer
    return answers


def _letter_bytes(text: str) -> bool:
    """Tell whether there are MIN_LETTER_BYTES of letters in words."""
    num_bytes = 0
    for match in _WORDS.finditer(text):
        num_bytes += len(match[0].encode())
        if num_bytes >= MIN_LETTER_BYTES:
            return True
    return False
