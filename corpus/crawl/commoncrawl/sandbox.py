"""A DuckDB that can read nothing but the tables it is handed, so that a recipe may bring SQL."""

from typing import Final

import duckdb

Settings = dict[str, str | bool | int | float | list[str]]

NO_FILES: Final[Settings] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # A name in a query means a registered table, never a variable of the program.
    "python_enable_replacements": "false",
    "threads": "1",
}


def open_sandbox(*, max_memory_bytes: int) -> duckdb.DuckDBPyConnection:
    """Return a connection without access to files, network, extensions or its own settings."""
    connection = duckdb.connect(config=NO_FILES | {"memory_limit": f"{max_memory_bytes}B"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection
