"""Features: columns beside the text, row for row, that depend on the content alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import version as installed_version
from typing import ClassVar
from unicodedata import unidata_version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...dedup.columns import binary_column
from ...dedup.minhash import MinHashScheme, sign_column
from ...filters.imports import IMPORT_LANGUAGES
from ...filters.licence_classes import licence_class
from ...filters.licence_evidence import FileLicence, RepositoryLicences
from ...filters.natural import COMMENT_LANGUAGE, comment_languages
from ...filters.natural_engines import NaturalEngine, engine_digest
from ...filters.parse_worker import ImportParser, ParsedImports
from ...filters.paths import paths_digest
from ...filters.signals import measure
from ..artifact import InputFile, open_parquet
from ..output import Output
from ..stage import Inputs, Stage

LICENCE = pa.schema(
    [
        ("licence", pa.string()),  # an SPDX expression, by the nearest evidence
        ("licence_evidence", pa.string()),  # header, declared, licence_file or manifest
        ("licence_class", pa.string()),  # permissive, weak_copyleft, copyleft or other
        ("licence_conflict", pa.string()),  # the evidence that says another class
    ]
)


class Measure(Stage, frozen=True, kw_only=True):
    """Measures every signal that a rule may name."""

    name: ClassVar[str] = "measure"
    version: ClassVar[int] = 3
    reads_text: ClassVar[bool] = True

    comment_engine: NaturalEngine | None = None  # names the comments' language, if a rule asks

    def assets(self) -> dict[str, str]:
        """Return the version of the Unicode tables, and what the path rules are."""
        assets = {"unicode": unidata_version, "paths": paths_digest()}
        if self.comment_engine:
            assets["natural"] = engine_digest(self.comment_engine)
        return assets

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id, the signals and LICENCE, row group by row group."""
        languages = inputs.table("language", ["language"])["language"]
        licences = _repository_licences(inputs.one("read"))
        nobody = RepositoryLicences()
        start = 0
        columns = ["doc_id", "collection", "path", "kind", "declared_licence", "text"]
        for rows in row_groups(inputs.one("read"), columns):
            names = languages.slice(start, rows.num_rows)
            signals = measure(rows["text"], names, rows["kind"], rows["path"])
            if self.comment_engine:
                comments = comment_languages(rows["text"], names, engine=self.comment_engine)
                signals = signals.append_column(COMMENT_LANGUAGE, comments)
            start += rows.num_rows
            names_of_rows = ("collection", "path", "kind", "declared_licence")
            found = [
                licences.get(collection, nobody).of_file(path, header)
                if kind == "file"
                else _own_licence(declared)
                for collection, path, kind, declared, header in zip(
                    *(rows[name].to_pylist() for name in names_of_rows),
                    signals["header_licence"].to_pylist(),
                    strict=True,
                )
            ]
            table = signals.add_column(0, "doc_id", rows["doc_id"])
            for name, column in _licence_columns(found).items():
                table = table.append_column(name, column)
            output.write(table)


class Sign(Stage, frozen=True, kw_only=True):
    """Signs every document: MinHash over word shingles.

    Documents that stand in the previous artifact of the shard (a hint: same settings) are copied
    from it. Their texts are then not read, if no other document shares their row group.
    """

    name: ClassVar[str] = "sign"
    version: ClassVar[int] = 3
    reads_text: ClassVar[bool] = True

    scheme: MinHashScheme

    def key_settings(self) -> dict[str, object]:
        """Return what decides the signature: neither bands nor threshold do."""
        return self.scheme.sketch_settings()

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id, num_shingles and the signature (null without shingles)."""
        known = _signed_before(inputs)
        with open_parquet(inputs.one("read").url) as parquet:
            output.write(_signatures(parquet.schema_arrow.empty_table(), self.scheme))
            for index in range(parquet.num_row_groups):
                ids = parquet.read_row_group(index, columns=["doc_id"])["doc_id"]
                old = pc.index_in(ids, value_set=known["doc_id"])
                if old.null_count == 0:
                    table = known.take(old)
                else:
                    texts = parquet.read_row_group(index, columns=["doc_id", "text"])
                    table = _signatures(texts, self.scheme)
                output.write(table)
                signed = 0 if old.null_count == 0 else len(ids)
                output.count("documents", {"signed": signed, "copied": len(ids) - signed})


def _signed_before(inputs: Inputs) -> pa.Table:
    for file in inputs.all("previous"):
        return file.read()
    return pa.table({"doc_id": pa.array([], pa.binary(16))})


def _signatures(rows: pa.Table, scheme: MinHashScheme) -> pa.Table:
    found = sign_column(rows["text"], scheme)
    column = binary_column(found.values.view(np.uint8))
    missing = pa.scalar(None, column.type)
    return pa.table(
        {
            "doc_id": rows["doc_id"],
            "num_shingles": found.num_shingles,
            "signature": pc.if_else(pa.array(found.present), column, missing),
        }
    )


class Imports(Stage, frozen=True, kw_only=True):
    """Finds what each file imports; only dependency order needs it, and parsing is dear."""

    name: ClassVar[str] = "imports"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    def assets(self) -> dict[str, str]:
        """Return the versions of the parser and of its grammars."""
        return {
            name: installed_version(name) for name in ("tree-sitter", "tree-sitter-language-pack")
        }

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id, imports and what found them (null for languages without a resolver)."""
        languages = inputs.table("language", ["language"])["language"].to_pylist()
        start = 0
        with ImportParser() as parser:
            for rows in row_groups(inputs.one("read"), ["doc_id", "path", "text"]):
                names = languages[start : start + rows.num_rows]
                start += rows.num_rows
                found = [
                    _parsed(parser, language, path.as_py(), text)
                    for language, path, text in zip(names, rows["path"], rows["text"], strict=True)
                ]
                output.count("imports", Counter(file.evidence for file in found if file))
                output.write(_imports_table(rows["doc_id"], found))


def _parsed(
    parser: ImportParser, language: str | None, path: str, text: pa.Scalar
) -> ParsedImports | None:
    """Return a file's imports; path names tell go.mod and TSX, which are no languages of ours."""
    if path.rpartition("/")[2] == "go.mod":
        language = "Go Module"
    elif language == "TypeScript" and path.lower().endswith(".tsx"):
        language = "TSX"
    if not text.is_valid or language not in IMPORT_LANGUAGES:
        return None
    return parser.extract(language, text.as_py())


def _imports_table(doc_ids: pa.ChunkedArray, found: list[ParsedImports | None]) -> pa.Table:
    imports = [file and file.imports for file in found]
    evidence = [file and file.evidence for file in found]
    return pa.table(
        {
            "doc_id": doc_ids,
            "imports": pa.array(imports, pa.list_(pa.string())),
            "import_evidence": pa.array(evidence, pa.string()),
        }
    )


def row_groups(file: InputFile, columns: list[str]) -> Iterator[pa.Table]:
    """Yield an input row group by row group, so that one row group's text is in memory.

    An input without rows gives one table without rows, so that its schema is written.
    """
    with open_parquet(file.url) as parquet:
        if not parquet.num_row_groups:
            yield parquet.schema_arrow.empty_table().select(columns)
        for index in range(parquet.num_row_groups):
            yield parquet.read_row_group(index, columns=columns)


def _own_licence(declared: str | None) -> FileLicence:
    """Return the licence of what is no file of a repository: what it declares of itself."""
    alone = RepositoryLicences()
    alone.declare(declared)
    return alone.of_file("", None)


def _licence_columns(found: Sequence[FileLicence]) -> dict[str, pa.Array]:
    """Return the columns of LICENCE."""
    values: dict[str, list[str | None]] = {
        "licence": [each.licence for each in found],
        "licence_evidence": [each.evidence for each in found],
        "licence_class": [each.licence and licence_class(each.licence) for each in found],
        "licence_conflict": [each.conflict for each in found],
    }
    return {name: pa.array(values[name], pa.string()) for name in LICENCE.names}


def _repository_licences(file: InputFile) -> dict[str, RepositoryLicences]:
    """Return what the repositories of a shard say of licences; few row groups' texts are read."""
    found: dict[str, RepositoryLicences] = defaultdict(RepositoryLicences)
    names = ["collection", "path", "kind", "declared_licence"]
    with open_parquet(file.url) as parquet:
        for group in range(parquet.num_row_groups):
            rows = parquet.read_row_group(group, columns=names).to_pylist()
            wanted = []
            for number, row in enumerate(rows):
                if row["kind"] != "file":
                    continue
                found[row["collection"]].declare(row["declared_licence"])
                if RepositoryLicences.is_evidence(row["path"]):
                    wanted.append(number)
            if not wanted:
                continue
            texts = parquet.read_row_group(group, columns=["text"])["text"].take(wanted)
            for number, text in zip(wanted, texts.to_pylist(), strict=True):
                if text is not None:
                    found[rows[number]["collection"]].add(rows[number]["path"], text)
    return found
