"""Benchmarks as they are published: JSON lines, an item a line, whose strings are its passages."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.sources.inflate import CorruptInputError, InflatedReader
from ..corpus.storage import open_read

SUFFIXES: Final = (".jsonl", ".ndjson", ".json")
COMPRESSIONS: Final = (".gz", ".zst", ".xz", ".bz2")
READ_BYTES: Final = 1 << 16
ID_FIELDS: Final = (
    *("task_id", "id", "name", "problem_id", "question_id", "unique_id", "idx", "problem_name"),
)
# What a field of these names holds says what an item is, and is no part of its test.
ABOUT_FIELDS: Final = frozenset(
    {
        *ID_FIELDS,
        *("answer_type", "category", "data_source", "dataset", "date", "declaration_language"),
        *("difficulty", "doctests", "entry_point", "grade", "lang", "language", "level"),
        *("license", "licence", "original", "prompt_terminology", "role", "source", "source_file"),
        *(
            "split",
            "stop_tokens",
            "subfield",
            "sourcename",
            "subject",
            "tags",
            "topic",
            "type",
            "unit",
            "url",
        ),
    }
)

# Questions and solutions are what a text must not hold. An answer of a few words ("all of these")
# or a bare declaration ("def f(n)") is in many texts: such fields are taken from ten words on.
ANSWER_FIELDS: Final = frozenset(
    {
        *("answer", "answers", "choices", "correct", "declaration", "expected", "final_answer"),
        *("golden", "input", "inputs", "label", "labels", "options", "output", "outputs", "target"),
    }
)


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One string of an item; `field` has dots where tables nest, and lists leave no trace."""

    benchmark: str
    item: str
    field: str
    text: str
    is_answer: bool  # and nobody named its field


def benchmark_name(url: str) -> str:
    """Return the name of a file without what says how it is written."""
    name = url.rstrip("/").rpartition("/")[2]
    for suffix in (*COMPRESSIONS, *SUFFIXES):
        name = name.removesuffix(suffix)
    return name


def read_benchmark(url: str, *, name: str, fields: Sequence[str] = ()) -> Iterator[list[Passage]]:
    """Yield the passages of each item of a file: plain JSON lines, or compressed.

    Args:
        url: the file.
        name: of the benchmark.
        fields: the fields to take; else every string but those of ABOUT_FIELDS, and those of
            ANSWER_FIELDS are marked.

    Raises:
        GristmillError: the file is damaged or is not JSON lines of objects.
    """
    with open_read(url) as stream:
        try:
            for number, line in enumerate(_lines(stream), start=1):
                if line.strip():
                    value = _parse(line, url, number)
                    item = _item_name(value, number)
                    yield [
                        Passage(
                            benchmark=name,
                            item=item,
                            field=field,
                            text=text,
                            is_answer=not fields and _last(field) in ANSWER_FIELDS,
                        )
                        for field, text in _strings(value, "", fields)
                    ]
        except CorruptInputError as error:
            raise GristmillError(
                f"the file is damaged: {error}", where=url, todo="Fetch it again."
            ) from None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    reader, pending = InflatedReader(stream), b""
    while piece := reader.read(READ_BYTES):
        *ended, pending = (pending + piece).split(b"\n")
        yield from ended
    yield pending


def _parse(line: bytes, url: str, number: int) -> Mapping[str, object]:
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except (ValueError, RecursionError) as error:
        what = f"line {number} is not JSON: {error}"
        raise GristmillError(
            what, where=url, todo="A benchmark is a file of JSON lines, one object an item."
        ) from None
    if not isinstance(value, dict):
        raise GristmillError(
            f"line {number} is not an object",
            where=url,
            todo="A benchmark is a file of JSON lines, one object an item.",
        )
    return value


def _item_name(value: Mapping[str, object], number: int) -> str:
    for field in ID_FIELDS:
        found = value.get(field)
        if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
            return _encodable(str(found))
    return f"line {number}"


def _strings(value: object, path: str, fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each string that is taken."""
    if isinstance(value, str):
        if _is_taken(path, fields):
            yield path, _encodable(value)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, path, fields)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, f"{path}.{key}" if path else key, fields)


def _is_taken(path: str, fields: Sequence[str]) -> bool:
    if fields:
        return any(path == field or path.startswith(f"{field}.") for field in fields)
    return _last(path) not in ABOUT_FIELDS


def _last(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
