"""Hygiene signals: vendored, documentation, test, generated, minified, encoded, licence comment.

Like all signals they are measured, never acted on: what is dropped is for the rules to say. What a
path tells, and who generated a file, is known of files of a repository only; null elsewhere.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .encoded import count_encoded, count_encoded_slow
from .generated import is_minified, marked_generator, marked_generators, minified_column
from .licence_header import MAX_HEADER_CHARS, licence_header_chars
from .paths import generated_path_slow, generated_paths, path_flags, path_flags_slow

HYGIENE = pa.schema(
    [
        ("header_licence_chars", pa.int64()),  # of the licence comment at the head; 0: none
        ("vendored", pa.bool_()),  # the five flags after it too: by the full path
        ("documentation", pa.bool_()),
        ("test_file", pa.bool_()),
        ("lock_file", pa.bool_()),
        ("dot_file", pa.bool_()),
        ("configuration", pa.bool_()),
        ("generated", pa.bool_()),
        ("generated_by", pa.string()),  # null when nothing says so
        ("minified", pa.bool_()),
        ("encoded_data_fraction", pa.float64()),  # of num_chars, as the next but one
        ("longest_encoded_run", pa.int64()),  # characters
        ("data_fraction", pa.float64()),  # in lists of 16 numbers or more
    ]
)

Counts = npt.NDArray[np.int64]


def hygiene_columns(
    texts: pa.LargeStringArray,
    paths: Sequence[str | None],
    *,
    num_chars: Counts,
    mean_line_lengths: pa.Array,
) -> dict[str, pa.Array]:
    """Return the columns of HYGIENE, row for row.

    Args:
        texts: null where there is none; then every signal is null.
        paths: in the repository; None for what is no file.
        num_chars: of the texts.
        mean_line_lengths: of the texts.
    """
    missing = np.asarray(pc.is_null(texts))
    file_paths = pc.if_else(missing, pa.scalar(None, pa.string()), pa.array(paths, pa.string()))
    flags = path_flags(file_paths)
    minified = minified_column(file_paths, mean_line_lengths)
    generated_by = pc.coalesce(
        generated_paths(file_paths),
        _named(flags["lock_file"], "lock_file"),
        _named(minified, "minified"),
        marked_generators(file_paths.to_pylist(), texts),
    )
    encoded = count_encoded(texts)
    divisors = np.maximum(num_chars, 1)
    return {
        **flags,
        "header_licence_chars": _licence_chars(texts, file_paths),
        "generated": pc.if_else(
            pc.is_null(file_paths), pa.scalar(None, pa.bool_()), pc.is_valid(generated_by)
        ),
        "generated_by": generated_by,
        "minified": minified,
        "encoded_data_fraction": pa.array(encoded.encoded_chars / divisors, mask=missing),
        "longest_encoded_run": pa.array(encoded.longest_encoded_run, mask=missing),
        "data_fraction": pa.array(encoded.number_chars / divisors, mask=missing),
    }


def hygiene_slow(text: str, path: str | None, *, mean_line_length: float) -> dict[str, object]:
    """Return one row of `hygiene_columns` in plain Python: the exact twin."""
    encoded_chars, longest, number_chars = count_encoded_slow(text)
    num_chars = max(len(text), 1)
    found: dict[str, object] = dict.fromkeys(HYGIENE.names)
    if path is not None:
        flags = path_flags_slow(path)
        minified = is_minified(path, mean_line_length)
        generated_by = (
            generated_path_slow(path)
            or ("lock_file" if flags["lock_file"] else None)
            or ("minified" if minified else None)
            or marked_generator(path, text)
        )
        found |= flags
        found["header_licence_chars"] = licence_header_chars(text)
        found |= {"generated": generated_by is not None, "generated_by": generated_by}
        found["minified"] = minified
    found["encoded_data_fraction"] = encoded_chars / num_chars
    found["longest_encoded_run"] = longest
    found["data_fraction"] = number_chars / num_chars
    return found


def _named(flags: pa.Array, name: str) -> pa.Array:
    return pc.if_else(
        pc.fill_null(flags, fill_value=False), pa.scalar(name), pa.scalar(None, pa.string())
    )


def _licence_chars(texts: pa.LargeStringArray, file_paths: pa.Array) -> pa.Array:
    heads = pc.if_else(pc.is_valid(file_paths), texts, pa.scalar(None, pa.large_string()))
    heads = pc.utf8_slice_codeunits(heads, 0, MAX_HEADER_CHARS)
    found = [None if head is None else licence_header_chars(head) for head in heads.to_pylist()]
    return pa.array(found, pa.int64())
