"""Which records are let go?  Those older than `keep_days`, and the oldest while all take more than `max_bytes`.

Rows go in slices, so that the writer is never away from its queue for long; freed pages go back to the disk.
"""

import sqlite3

from forward_proxy.traffic.options import Options

_SLICE_ROWS = 4000
_DAY_S = 86_400
_OLD = "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE started_at < ? ORDER BY started_at LIMIT ?)"
_OLDEST = "DELETE FROM records WHERE id IN (SELECT id FROM records ORDER BY id LIMIT ?)"


def prune(connection: sqlite3.Connection, options: Options, now: float) -> bool:
    """Lets go of one slice; whether there may be more to do."""
    gone = connection.execute(_OLD, (now - options.keep_days * _DAY_S, _SLICE_ROWS)).rowcount
    if gone == 0 and used_bytes(connection) > options.max_bytes:
        gone = connection.execute(_OLDEST, (_SLICE_ROWS,)).rowcount
    if gone:
        connection.execute("PRAGMA incremental_vacuum").fetchall()
    return gone > 0


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the pages in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
