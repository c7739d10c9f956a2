"""Which stored response is evicted first?  The one that is worth least: GreedyDual-Size-Frequency (Cherkasova, 1998).

A use is worth the milliseconds that the origin took, for each byte that keeping the response takes up.  The worth of a
response is that times how often it was used, above a floor that rises: the floor is the worth of what was evicted last,
so what is stored or used today stands above what was worth as much yesterday.  What is pinned is worth more than
anything.

Four columns of diskcache's table hold it, which diskcache itself would use otherwise: `expire_time` is what one use is
worth, `access_count` how often it was used, `access_time` when last, and `store_time`, over which there is an index,
the worth.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

type Sql = Callable[..., Any]

# What an origin costs that answers at once, and what a row takes up besides its content and record.
_LEAST_MS = 10
_ROW_BYTES = 256
# Lest what was a favourite once stay for ever.
_MOST_USES = 32

_LEAST = (
    "SELECT rowid, key, CAST(size AS INTEGER) + coalesce(length(tag), 0) + coalesce(length(value), 0), store_time"
    " FROM Cache ORDER BY store_time, rowid LIMIT ?"
)
_FLOOR = "SELECT coalesce(max(worth), 0.0) FROM Floor"
_RAISE = "UPDATE Floor SET worth = max(worth, ?)"
_USES = "SELECT coalesce(max(access_count), 0) FROM Cache WHERE key >= ? AND key < ? AND raw = 1"
_VALUE = """
    UPDATE Cache SET expire_time = coalesce(:worth, expire_time), access_count = access_count + :uses,
        store_time = CASE WHEN :pinned THEN 9e999
            ELSE :floor + min(access_count + :uses, :most) * coalesce(:worth, expire_time) END
    WHERE key = :id AND raw = 1
"""
_USE = """
    UPDATE Cache SET access_time = :at, access_count = access_count + :uses,
        store_time = max(store_time, :floor + min(access_count + :uses, :most) * expire_time)
    WHERE key = :id AND raw = 1
"""
_VALUE_OLDER = """
    UPDATE Cache SET access_count = 1, (expire_time, store_time) = (
        SELECT w, w FROM (
            SELECT ? / (CAST(size AS INTEGER) + coalesce(length(tag), 0) + coalesce(length(value), 0) + ?) AS w
        )
    ) WHERE expire_time IS NULL
"""


class Least(NamedTuple):
    """A row to evict: by `length` bytes there is more room then."""

    rowid: int
    id: object
    length: int
    worth: object


@dataclass(slots=True)
class Uses:
    """How often a response was used since this was last written, and when last, POSIX seconds."""

    count: int
    at: float


def worth_of_use(cost_ms: int, length: int) -> float:
    """Milliseconds that are saved for each byte kept, of content and record `length` bytes long."""
    return max(cost_ms, _LEAST_MS) / (length + _ROW_BYTES)


def least(sql: Sql, count: int) -> list[Least]:
    """So many rows, the one that is worth least first."""
    return [Least(*columns) for columns in sql(_LEAST, (count,)).fetchall()]


def floor(sql: Sql) -> float:
    """What a response is worth that no use speaks for."""
    (worth,) = sql(_FLOOR).fetchone()
    return float(worth)


def raise_floor(sql: Sql, evicted: Iterable[Least]) -> None:
    """These are evicted."""
    worths = [row.worth for row in evicted if isinstance(row.worth, float) and isfinite(row.worth)]
    if worths:
        sql(_RAISE, (max(worths),))


def uses_of(sql: Sql, ids: tuple[str, str]) -> int:
    """How often the one of these ids was used that was used most."""
    (uses,) = sql(_USES, ids).fetchone()
    return int(uses)


def value(sql: Sql, response_id: str, above: float, *, pinned: bool, uses: int = 0, worth: float | None = None) -> None:
    """Give a response its worth above this floor; `worth` of one use is what it was unless given."""
    given = {"id": response_id, "floor": above, "pinned": pinned, "uses": uses, "worth": worth, "most": _MOST_USES}
    sql(_VALUE, given)


def use(sql: Sql, response_id: str, above: float, used: Uses) -> None:
    """Let a response be worth more for having been used."""
    given = {"id": response_id, "floor": above, "uses": used.count, "at": used.at, "most": _MOST_USES}
    sql(_USE, given)


def value_older(sql: Sql) -> None:
    """Give the rows of a store that evicted by age, and so have no worth, that of one use."""
    sql(_VALUE_OLDER, (float(_LEAST_MS), _ROW_BYTES))
