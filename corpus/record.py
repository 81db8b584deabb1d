"""The one schema: every column a build knows, and the one stage that writes it.

A stage appends columns and never rewrites another's. Tables of different stages over the same
shard have the same rows in the same order, so a decision never re-reads text.
"""

from typing import Final, Literal

import msgspec
import pyarrow as pa

Component = Literal["code", "math", "text"]
COMPONENTS: tuple[Component, ...] = ("code", "math", "text")

Kind = Literal["file", "page", "document"]

ID = pa.binary(16)

# How an extract_reason begins that says why a page has the cheap text in place of the fine one.
FELL_BACK: Final = "the fine text"

READ = pa.schema(
    [
        ("doc_id", ID),  # digest of source, collection, path, revision and content
        ("content_id", ID),  # digest of the text; null when there is none
        ("source", pa.string()),  # the recipe's name of the source
        ("component", pa.string()),  # code, math or text
        ("kind", pa.string()),  # file (of a repository), page (of a crawl), document
        ("collection", pa.string()),  # repository full name, host, or data set
        (
            "path",
            pa.string(),
        ),  # in the repository (of a notebook: #script, #cells), URL, or locator
        ("revision", pa.string()),  # commit, or WARC-Record-ID; "" when there is none
        ("origin_file", pa.string()),  # the input it was read from, relative to the recipe
        ("origin_offset", pa.int64()),  # byte offset of a WARC record, row number of a document
        ("num_bytes", pa.int64()),  # size of the original bytes, or of a text made of a notebook
        ("bytes_digest", ID),  # of the original bytes before decoding; null where none were read
        ("encoding", pa.string()),  # the charset it was decoded from
        ("repository_created", pa.timestamp("s", "UTC")),  # or a document's date, from its field
        ("stars", pa.int64()),
        ("declared_licence", pa.string()),  # SPDX id from the repository's metadata, or a field
        ("licence_files", pa.list_(pa.string())),  # paths of its licence files
        ("language_hint", pa.string()),  # what the input itself says: HTML lang, a JSON field
        ("read_drop", pa.string()),  # why there is no text: binary, empty, huge, symlink, ...
        ("read_error", pa.string()),  # the detail of read_drop, for people
        ("formulas_found", pa.int32()),  # on the whole page; null unless HTML was extracted
        ("formulas_kept", pa.int32()),  # of these, in the text
        ("code_lines_found", pa.int32()),  # of code blocks on the whole page, blank ones left out
        ("code_lines_kept", pa.int32()),
        ("extracted_by", pa.string()),  # of a page's text: cheap, fine, or raw (taken as it is)
        ("extract_reason", pa.string()),  # why not by the tier asked for, or what was left out
        ("code_languages", pa.list_(pa.string())),  # of code blocks, as the page spells them
        ("text", pa.large_string()),  # null when read_drop is set
    ]
)

LANGUAGE = pa.schema(
    [
        ("doc_id", ID),
        ("language", pa.string()),  # a name of the language table, a BCP-47 tag for pages, or null
        ("language_evidence", pa.string()),  # filename, extension, shebang, heuristic, ...
        ("language_confidence", pa.float32()),
    ]
)

ReadDrop = Literal[
    "binary",
    "empty",
    "huge",
    "symlink",
    "submodule",
    "special_file",
    "undecodable",
    "unsafe_path",
    "corrupt",
    "not_text",
    "removed",
    "not_recalled",
]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One document as a source reader yields it; ids are added when the shard is written."""

    collection: str
    path: str
    revision: str = ""
    origin_file: str
    origin_offset: int | None = None
    num_bytes: int
    bytes_digest: bytes | None = None
    encoding: str | None = None
    repository_created: int | None = None  # Unix seconds, UTC
    stars: int | None = None
    declared_licence: str | None = None
    licence_files: tuple[str, ...] = ()
    language_hint: str | None = None
    read_drop: ReadDrop | None = None
    read_error: str | None = None
    formulas_found: int | None = None
    formulas_kept: int | None = None
    code_lines_found: int | None = None
    code_lines_kept: int | None = None
    extracted_by: Literal["cheap", "fine", "raw"] | None = None
    extract_reason: str | None = None
    code_languages: tuple[str, ...] | None = None
    text: str | None = None
