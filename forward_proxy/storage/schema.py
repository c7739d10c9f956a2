"""Is this database one that diskcache made for us?

It is asked before diskcache opens it: diskcache sets an attribute of its own for every row of its table Settings,
whatever the row is called, and a trigger of a stranger would run with our writes.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from diskcache.core import DEFAULT_SETTINGS, METADATA

_BUSY_S = 5
_SETTINGS = DEFAULT_SETTINGS.keys() | METADATA.keys()
# `Index` adds these to a database that has them not: which rows name a file, and what evicting has come to (`worth`).
OURS = (
    "CREATE INDEX IF NOT EXISTS Cache_filename ON Cache (filename) WHERE filename IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS Floor (worth REAL NOT NULL)",
    "INSERT INTO Floor SELECT 0.0 WHERE NOT EXISTS (SELECT 1 FROM Floor)",
)
_OURS = (("index", "Cache_filename"), ("table", "Floor"))
_SCHEMA = frozenset(
    (
        ("table", "Settings"),
        ("table", "Cache"),
        ("index", "sqlite_autoindex_Settings_1"),
        ("index", "Cache_key_raw"),
        ("index", "Cache_expire_time"),
        ("index", "Cache_store_time"),
        *_OURS,
        ("trigger", "Settings_count_insert"),
        ("trigger", "Settings_count_delete"),
        ("trigger", "Settings_size_insert"),
        ("trigger", "Settings_size_update"),
        ("trigger", "Settings_size_delete"),
    )
)
_COLUMNS = (
    "rowid", "key", "raw", "store_time", "expire_time", "access_time", "access_count", "tag", "size", "mode",
    "filename", "value",
)  # fmt: skip


def strangeness(path: Path) -> str | None:
    """What is wrong with this database, None for nothing or for an empty one.  Raises sqlite3.Error."""
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    if any(file.is_symlink() or (file.exists() and not file.is_file()) for file in files):
        return "not a file"
    if not path.exists():
        return None
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        connection.text_factory = lambda octets: octets.decode("utf-8", "replace")
        return _strangeness(connection)


def _strangeness(connection: sqlite3.Connection) -> str | None:
    schema = set(connection.execute("SELECT type, name FROM sqlite_master"))
    if not schema:
        return None
    columns = tuple(name for _, name, *_ in connection.execute("PRAGMA table_info(Cache)"))
    if schema.union(_OURS) != _SCHEMA or columns != _COLUMNS:
        return "a schema that is not the store's"
    settings = dict(connection.execute("SELECT key, value FROM Settings"))
    if settings.keys() - _SETTINGS:
        return "settings that are not the store's"
    if any(not isinstance(settings.get(name), int) for name in METADATA):
        return "totals that are not numbers"
    return None
