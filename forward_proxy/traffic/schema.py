"""How does a record lie in SQLite?  One row each, columns named as the record's fields, and one more to find hosts by.

`host_key` is the host with its labels turned round and a dot behind each, so that a name and all below it are one
range: `www.example.com` is `com.example.www.`.  What is read back is as untrusted as any file: a value of another type
than the column's reads as absent.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from forward_proxy.traffic.record import Record

FILE_NAME = "traffic.db"
VERSION = 4
_LISTS = ("changed_request_fields", "changed_response_fields", "cleaned")
_VALUES = tuple(field.name for field in fields(Record) if field.name not in ("id", *_LISTS))
COLUMNS = (*_VALUES, *_LISTS)
SELECTED = ", ".join(("id", *COLUMNS))

# Ids are never given twice: a reader's cursor stays good while old rows go.
TABLE = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at REAL NOT NULL,
    client TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    host TEXT NOT NULL,
    host_key TEXT NOT NULL,
    outcome TEXT NOT NULL,
    kind TEXT NOT NULL,
    first_byte_at REAL,
    ended_at REAL,
    status INTEGER,
    content_type TEXT,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    rule TEXT,
    rule_id TEXT,
    reason TEXT,
    cache TEXT,
    cache_stored INTEGER NOT NULL,
    cache_detail TEXT,
    anonymity TEXT,
    changed_request_fields TEXT NOT NULL,
    changed_response_fields TEXT NOT NULL,
    origin TEXT,
    client_http_version TEXT,
    origin_http_version TEXT,
    tls_version TEXT,
    intercepted INTEGER NOT NULL,
    resource TEXT,
    page TEXT,
    error TEXT,
    error_detail TEXT,
    exchanges INTEGER NOT NULL DEFAULT 1,
    cleaned TEXT NOT NULL DEFAULT '',
    cleaned_by TEXT,
    user TEXT,
    listener INTEGER,
    via TEXT
)
"""
INDEXES = (
    "CREATE INDEX by_started_at ON records (started_at)",
    "CREATE INDEX by_host ON records (host_key)",
    "CREATE INDEX by_client ON records (client)",
    "CREATE INDEX by_rule ON records (rule, rule_id) WHERE rule IS NOT NULL",
)
# What earlier versions did not have, and how to add it: at once, since no row is touched.
ADDED = {
    "exchanges": "ALTER TABLE records ADD COLUMN exchanges INTEGER NOT NULL DEFAULT 1",
    "cleaned": "ALTER TABLE records ADD COLUMN cleaned TEXT NOT NULL DEFAULT ''",
    "cleaned_by": "ALTER TABLE records ADD COLUMN cleaned_by TEXT",
    "user": "ALTER TABLE records ADD COLUMN user TEXT",
    "listener": "ALTER TABLE records ADD COLUMN listener INTEGER",
    "via": "ALTER TABLE records ADD COLUMN via TEXT",
}
_ROW = f"({', '.join('?' * (len(COLUMNS) + 1))})"
INSERT = f"INSERT INTO records ({', '.join(COLUMNS)}, host_key) VALUES {_ROW}"  # noqa: S608  # names from above
ROWS_TOGETHER = 64
INSERT_TOGETHER = INSERT + f", {_ROW}" * (ROWS_TOGETHER - 1)

_values_of = attrgetter(*_VALUES)
_EXCHANGES = COLUMNS.index("exchanges")


def host_key(host: str) -> str:
    """The host turned round; an address, which has nothing below it, as it is."""
    if ":" in host or host[-1:].isdigit():
        return f"{host}."
    return ".".join(reversed(host.split("."))) + "."


def row_of(record: Record) -> tuple[object, ...]:
    """The values of `INSERT`."""
    return (
        *_values_of(record),
        ",".join(record.changed_request_fields),
        ",".join(record.changed_response_fields),
        ",".join(name.replace(",", "%2C") for name in record.cleaned),
        host_key(record.host),
    )


def exchanges_in(row: Sequence[object]) -> int:
    """How many exchanges a row of `INSERT` stands for."""
    return _at_least_one(row[_EXCHANGES])


def record_of(row: Sequence[object]) -> Record:
    """The record of a row of `SELECTED`.  Never raises."""
    return Record(**{name: read(value) for (name, read), value in zip(_READERS, row, strict=True)})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _whole_or_none(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _at_least_one(value: object) -> int:
    return max(1, _whole(value))


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _seconds_or_none(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _names(value: object) -> tuple[str, ...]:
    return tuple(value.split(",")) if isinstance(value, str) and value else ()


def _kind(value: object) -> str:
    return value if value in ("tunnel", "websocket") else "http"


def _verdict(value: object) -> str:
    return "denied" if value == "denied" else "allowed"


_READER_BY_NAME: dict[str, Callable[[object], Any]] = {
    **dict.fromkeys(("client", "method", "target", "host", "outcome"), _text),
    **dict.fromkeys(("id", "request_bytes", "response_bytes"), _whole),
    **dict.fromkeys(("first_byte_at", "ended_at"), _seconds_or_none),
    **dict.fromkeys(("cache_stored", "intercepted"), bool),
    **dict.fromkeys(_LISTS, _names),
    "started_at": _seconds,
    "exchanges": _at_least_one,
    "status": _whole_or_none,
    "listener": _whole_or_none,
    "kind": _kind,
    "verdict": _verdict,
}
_READERS = tuple((name, _READER_BY_NAME.get(name, _text_or_none)) for name in ("id", *COLUMNS))
