"""Charset detection: exactly restored files and ms a file, ours against the usual detectors.

The inputs are numpy's C headers with comment lines from Django's message catalogues (real
translations, 26 pairs of language and charset, PER_PAIR files each), so every run sees the same
bytes. A file counts only if all of its text comes back; a detector that only names a charset is
decoded by that name.
"""

import argparse
import codecs
import importlib.util
import json
import platform
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import cchardet
import chardet
import msgspec
from chardetng_py import EncodingDetector
from charset_normalizer import from_bytes
from resiliparse.parse.encoding import detect_encoding

from gristmill.corpus.decode import Decoded, decode

PER_PAIR = 20
NUM_LINES = (1, 2, 15)
HEADER_CHARS = 12_000
MESSAGE_CHARS = range(12, 100)

Peer = Callable[[bytes], str | None]

PAIRS = """ja shift_jis;ja euc_jp;ja iso2022_jp;zh_Hans gbk;zh_Hans gb18030;zh_Hant big5;ko euc_kr;
    ru cp1251;uk cp1251;ru koi8_r;uk koi8_u;ru iso8859_5;de latin_1;fr cp1252;pl iso8859_2;
    cs cp1250;hu iso8859_2;el cp1253;el iso8859_7;tr cp1254;th cp874;he cp1255;ar cp1256;lt cp1257;
    vi utf_8;zh_Hans utf_16;ru utf_16_le;ja utf_16_be"""


class Sample(msgspec.Struct, frozen=True):
    """A file of the test: its text, and the bytes that a detector sees."""

    pair: str
    text: str
    data: bytes


def main() -> None:
    """Print one line a detector and number of comment lines, or one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    parser.add_argument("--pairs", action="store_true", help="exact share by pair and detector")
    options = parser.parse_args()
    if not options.json:
        print(f"{platform.machine()}, Python {platform.python_version()}, {stamp()}")
        print(f"{'lines':<6}{'detector':<20}{'exact':>8}{'ratio':>8}{'ms/file':>9}{'ratio':>8}")
    for num_lines in NUM_LINES:
        samples = list(make_samples(catalogues(), num_lines))
        results = {name: score(run, samples) for name, run in DETECTORS.items()}
        if options.json:
            print_json(num_lines, results)
        else:
            print_table(num_lines, results)
        if options.pairs:
            print_pairs(results)


class Score(msgspec.Struct, frozen=True):
    """How one detector did: the exact share, by pair too, and its time."""

    exact: float
    milliseconds: float
    by_pair: dict[str, float]


def score(run: Peer, samples: Sequence[Sample]) -> Score:
    """Return the share of exactly restored texts and the mean time for one."""
    run(samples[0].data)  # loads its tables
    hits: dict[str, list[bool]] = {}
    seconds = 0.0
    for sample in samples:
        start = time.perf_counter()
        text = run(sample.data)
        seconds += time.perf_counter() - start
        hits.setdefault(sample.pair, []).append(text == sample.text)
    by_pair = {pair: sum(found) / len(found) for pair, found in hits.items()}
    total = sum(sum(found) for found in hits.values()) / len(samples)
    return Score(total, 1000 * seconds / len(samples), by_pair)


def make_samples(
    messages: dict[str, list[str]], num_lines: int, *, per_pair: int = PER_PAIR
) -> Iterator[Sample]:
    """Yield C files with `num_lines` comment lines of each pair's language, evenly spread."""
    headers = c_headers()
    for pair in PAIRS.split(";"):
        language, encoding = pair.split()
        fitting = [text for text in messages[language] if encodes(text, encoding)]
        for i in range(per_pair):
            lines = headers[i % len(headers)].split("\n")
            step = max(len(lines) // num_lines, 1)
            for j in range(num_lines):
                message = fitting[(i * num_lines + j) % len(fitting)]
                lines.insert(min(j * (step + 1), len(lines)), f"/* {message} */")
            text = "\n".join(lines)
            yield Sample(" ".join(pair.split()), text, text.encode(encoding))


def encodes(text: str, encoding: str) -> bool:
    """Tell whether a charset has every character of a text."""
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeError:
        return False


def c_headers() -> list[str]:
    """Return the heads of numpy's C headers, ASCII only, sorted by path."""
    folder = package_folder("numpy") / "_core" / "include"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.h"))]
    return [text[:HEADER_CHARS] for text in texts if text.isascii()]


def catalogues() -> dict[str, list[str]]:
    """Return Django's translations by language: single lines that are not ASCII."""
    languages = {pair.split()[0] for pair in PAIRS.split(";")}
    found: dict[str, list[str]] = {language: [] for language in languages}
    for path in sorted((package_folder("django")).rglob("*.mo")):
        language = path.parent.parent.name
        if language in found:
            found[language] += read_messages(path.read_bytes())
    return {language: spread(texts) for language, texts in found.items()}


def read_messages(data: bytes) -> list[str]:
    """Return the translations of a GNU message catalogue that suit a comment line."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, _, table = struct.unpack_from(f"{order}3I", data, 8)
    spans = (struct.unpack_from(f"{order}2I", data, table + 8 * i) for i in range(1, count))
    texts = (data[at : at + size].decode("utf-8").partition("\0")[0] for size, at in spans)
    return [
        text
        for text in texts
        if not text.isascii() and text.isprintable() and len(text) in MESSAGE_CHARS
    ]


def spread(texts: list[str]) -> list[str]:
    """Return the distinct texts in an order that mixes the catalogues, the same every time."""
    distinct = sorted(set(texts))
    return [distinct[i * 7919 % len(distinct)] for i in range(len(distinct))]


def package_folder(name: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def by_name(data: bytes, label: str | None) -> str | None:
    """Return the text by the charset that a detector named, without a byte order mark."""
    try:
        return data.decode(codecs.lookup(label or "ascii").name).removeprefix("\ufeff")
    except (LookupError, UnicodeError):
        return None


def run_ours(data: bytes) -> str | None:
    """Return what the corpus reader makes of it."""
    decoded = decode(data)
    return decoded.text if isinstance(decoded, Decoded) else None


def run_chardetng(data: bytes) -> str | None:
    """Return the text by chardetng's guess over the whole file."""
    detector = EncodingDetector()
    detector.feed(data, last=True)
    return by_name(data, detector.guess(tld=None, allow_utf8=True))


def run_charset_normalizer(data: bytes) -> str | None:
    """Return the text of charset_normalizer's best match."""
    best = from_bytes(data).best()
    return None if best is None else str(best).removeprefix("\ufeff")


DETECTORS: dict[str, Peer] = {
    "ours": run_ours,
    "chardetng": run_chardetng,
    "charset-normalizer": run_charset_normalizer,
    "chardet": lambda data: by_name(data, chardet.detect(data)["encoding"]),
    "cchardet": lambda data: by_name(data, cchardet.detect(data)["encoding"]),
    "resiliparse": lambda data: by_name(data, detect_encoding(data)),
}


def print_table(num_lines: int, results: dict[str, Score]) -> None:
    """Print a line a detector; the ratios are ours over theirs, and their time over ours."""
    ours = results["ours"]
    for name, result in results.items():
        print(
            f"{num_lines:<6}{name:<20}{result.exact:>8.3f}{ratio(ours.exact, result.exact):>8.2f}"
            f"{result.milliseconds:>9.3f}{result.milliseconds / ours.milliseconds:>8.1f}"
        )


def print_json(num_lines: int, results: dict[str, Score]) -> None:
    """Print two objects a peer: exact share (ours over theirs) and files/s (ours over theirs)."""
    ours = results["ours"]
    for name, peer in results.items():
        if name == "ours":
            continue
        values = (
            ("exact", ours.exact, peer.exact),
            ("files/s", 1000 / ours.milliseconds, 1000 / peer.milliseconds),
        )
        for unit, own, other in values:
            row = {
                "name": f"{unit}, {num_lines} comment lines, {name}",
                "ours": own,
                "peer": other,
                "ratio": ratio(own, other),
            }
            print(json.dumps(row))


def print_pairs(results: dict[str, Score]) -> None:
    """Print the exact share of each pair, one column a detector."""
    print(f"{'':<22}" + "".join(f"{name[:10]:>11}" for name in results))
    for pair in results["ours"].by_pair:
        shares = (f"{result.by_pair[pair]:>11.2f}" for result in results.values())
        print(f"{pair:<22}" + "".join(shares))


def ratio(ours: float, theirs: float) -> float:
    """Return ours over theirs; a peer that restores nothing counts as one in a million."""
    return ours / max(theirs, 1e-6)


def stamp() -> str:
    """Return the day and the peers' versions, without which a figure means little."""
    peers = ("chardetng-py", "charset-normalizer", "chardet", "faust-cchardet", "resiliparse")
    return ", ".join([time.strftime("%Y-%m-%d"), *(f"{name} {version(name)}" for name in peers)])


if __name__ == "__main__":
    main()
