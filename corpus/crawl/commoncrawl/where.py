"""Checks that a `where` of a recipe is one boolean expression over the index's columns."""

from collections.abc import Iterator
from typing import Final

import duckdb
import msgspec

from ...errors import GristmillError
from .columns import INDEX_COLUMNS, INDEX_SCHEMA
from .sandbox import open_sandbox

MAX_WHERE_CHARS = 10_000
MAX_MEMORY_BYTES = 256 << 20
# What DuckDB's parser calls the parts of a plain expression: no subquery, window or star.
_CLASSES: Final = frozenset(
    (
        *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION"),
        *("CONSTANT", "FUNCTION", "OPERATOR", "TYPE"),
    )
)
_QUERY_KEYS: Final = (
    *("modifiers", "group_expressions", "group_sets", "having", "qualify", "sample"),
)
# Before 2.0 DuckDB calls these consistent.
OF_THE_SESSION: Final = frozenset(("current_setting", "getvariable", "version"))
Node = dict[str, object]


def check_where(text: str, *, where: str) -> frozenset[str]:
    """Return the names of the columns that a condition reads.

    Args:
        where: the recipe's key, for errors.

    Raises:
        GristmillError: it is no single expression, reads other things than the row, or gives
            another answer each time.
    """
    if len(text) > MAX_WHERE_CHARS:
        raise _mistake(f"it is over {MAX_WHERE_CHARS} characters", where)
    with open_sandbox(max_memory_bytes=MAX_MEMORY_BYTES) as connection:
        return _check(connection, text, where)


def _check(connection: duckdb.DuckDBPyConnection, text: str, where: str) -> frozenset[str]:
    # With and without parentheses, or `a) OR (b` and `a LIMIT 1` would each get through one.
    node = _parse(connection, f"{text}\n", where)
    _parse(connection, f"({text}\n)", where)
    columns = set()
    for part in _parts(node):
        kind = part["class"]
        if kind not in _CLASSES:
            raise _mistake(f"it holds a {str(kind).lower()}, which is not allowed", where)
        if kind == "COLUMN_REF":
            columns.add(_column(part, where))
        elif kind == "FUNCTION":
            _check_function(connection, part, where)
    _bind(connection, text, where)
    return frozenset(columns)


def _parse(connection: duckdb.DuckDBPyConnection, text: str, where: str) -> Node:
    """Return the condition that `text` is, if it is nothing else."""
    query = f"SELECT 1 FROM part WHERE {text}"  # noqa: S608
    rows = connection.execute("SELECT json_serialize_sql($query)", {"query": query}).fetchall()
    tree = msgspec.json.decode(rows[0][0], type=dict[str, object])
    if tree.get("error"):
        raise _mistake(f"DuckDB cannot read it: {tree.get('error_message')}", where)
    statements = tree["statements"]
    assert isinstance(statements, list)
    node = statements[0]["node"] if len(statements) == 1 else {}
    is_plain = node.get("type") == "SELECT_NODE" and not any(map(node.get, _QUERY_KEYS))
    condition = node.get("where_clause")
    if not is_plain or not isinstance(condition, dict):
        raise _mistake("it is more than one expression", where)
    return condition


def _parts(value: object) -> Iterator[Node]:
    """Yield the expression and all expressions within it."""
    if isinstance(value, dict):
        if "class" in value:
            yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def _column(part: Node, where: str) -> str:
    names = part["column_names"]
    assert isinstance(names, list)
    name = str(names[-1]).lower()
    if len(names) != 1 or name not in INDEX_COLUMNS:
        raise _mistake(f"the table has no column {'.'.join(map(str, names))}", where)
    return name


def _check_function(connection: duckdb.DuckDBPyConnection, part: Node, where: str) -> None:
    name = str(part["function_name"])
    query = (
        "SELECT count(*), count(*) FILTER (function_type = 'scalar'"
        " AND coalesce(stability, 'CONSISTENT') = 'CONSISTENT')"
        " FROM duckdb_functions() WHERE function_name = lower($name)"
    )
    (row,) = connection.execute(query, {"name": name}).fetchall()
    is_unknown = row[0] == 0 and not part.get("is_operator")
    if row[0] != row[1] or is_unknown or name.lower() in OF_THE_SESSION:
        raise _mistake(f"{name} is no function of the row alone", where)


def _bind(connection: duckdb.DuckDBPyConnection, text: str, where: str) -> None:
    """Let DuckDB check names and types."""
    connection.register("part", INDEX_SCHEMA.empty_table())
    try:
        relation = connection.sql(f"SELECT ({text}\n) AS held FROM part")  # noqa: S608
        kind = str(relation.types[0])
    except duckdb.Error as error:
        raise _mistake(f"DuckDB refuses it: {error}", where) from error
    if kind != "BOOLEAN":
        raise _mistake(f"it gives a {kind}, not true or false", where)


def _mistake(what: str, where: str) -> GristmillError:
    return GristmillError(
        what, where=where, todo="Write one condition, as in content_charset = 'UTF-8'."
    )
