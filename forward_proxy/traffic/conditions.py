"""Which rows does a search mean?  A WHERE clause and its parameters; no word of the search is ever part of the SQL.

Rows come in the order of their ids.  A time is therefore turned into a bound on the id, found once in the index by
time, so that it narrows a walk along the ids or any other index.  Which index to walk is said here and not left to the
planner, which knows nothing of the rows: one worst case for each filter, whatever it is joined with.
"""

import re
from collections.abc import Callable

from forward_proxy.traffic.schema import host_key
from forward_proxy.traffic.search import Search, Term, Value

type Parameter = str | int | float
type Condition = tuple[str, tuple[Parameter, ...]]

_LINE = re.compile(r":[0-9]+\Z")


def where(search: Search, before: int | None = None) -> Condition:
    """The condition under which a row is meant; `before` keeps to smaller ids."""
    conditions = [_condition(term) for term in search.terms]
    if before is not None:
        conditions.append(("id < ?", (before,)))
    if not conditions:
        return "TRUE", ()
    return " AND ".join(f"({sql})" for sql, _ in conditions), tuple(p for _, found in conditions for p in found)


def index_for(search: Search) -> str | None:
    """The index to walk; None for the ids themselves, newest first."""
    named = {term.name for term in search.terms if not term.negated}
    return next((index for name, index in _INDEXES.items() if name in named), None)


def _condition(term: Term) -> Condition:
    if term.negated and term.name in _BOUNDS:
        return f"+started_at {'<' if term.name == 'since' else '>='} ?", (_number(term.value),)
    sql, parameters = _CONDITIONS[term.name](term.value)
    # A column without a value is neither: a record without status is one with `-status:404`.
    return (f"({sql}) IS NOT TRUE" if term.negated else sql), parameters


def _since(value: Value) -> Condition:
    at = _number(value)
    bound = "SELECT min(id) FROM records INDEXED BY by_started_at WHERE started_at >= ?"
    return f"id >= ({bound}) AND +started_at >= ?", (at, at)


def _until(value: Value) -> Condition:
    at = _number(value)
    bound = "SELECT max(id) FROM records INDEXED BY by_started_at WHERE started_at < ?"
    return f"id <= ({bound}) AND +started_at < ?", (at, at)


def _host(value: Value) -> Condition:
    key = host_key(str(value))
    return "host_key >= ? AND host_key < ?", (key, key[:-1] + "/")  # "/" follows "." in ASCII.


def _rule(value: Value) -> Condition:
    """A rule's id, or where it stands from any segment of the path on; a line number ends it."""
    pattern = f"%/{_literal(str(value))}" + ("" if _LINE.search(str(value)) else "%")
    condition = "rule IS NOT NULL AND (rule_id = ? COLLATE NOCASE OR '/' || rule LIKE ? ESCAPE '\\')"
    return condition, (str(value), pattern)


def _cache(value: Value) -> Condition:
    if value == "stored":
        return "cache_stored", ()
    return "cache = ?", ("hit" if value == "hit" else f"fwd={value}",)


def _type(value: Value) -> Condition:
    text = str(value)
    return (
        ("content_type = ?", (text,)) if "/" in text else ("content_type LIKE ? ESCAPE '\\'", (_literal(text) + "/%",))
    )


def _status(value: Value) -> Condition:
    codes = value if isinstance(value, range) else range(0)
    return "status BETWEEN ? AND ?", (codes.start, codes.stop - 1)


def _error(value: Value) -> Condition:
    return ("error IS NOT NULL", ()) if value == "any" else ("error = ?", (str(value),))


def _cleaned(value: Value) -> Condition:
    if value == "any":
        return "cleaned != ''", ()
    return "',' || cleaned || ',' LIKE ? ESCAPE '\\'", (f"%,{_literal(str(value))},%",)


def _via(value: Value) -> Condition:
    return ("via IS NOT NULL", ()) if value == "any" else ("via LIKE ? ESCAPE '\\'", (f"%{_literal(str(value))}%",))


def _literal(text: str) -> str:
    """The text as LIKE must be told it."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


_INDEXES = {"client": "by_client", "host": "by_host", "rule": "by_rule"}  # The best first.
_BOUNDS = ("since", "until")
_CONDITIONS: dict[str, Callable[[Value], Condition]] = {
    "host": _host,
    "client": lambda value: ("client = ?", (str(value),)),
    "user": lambda value: ("user = ?", (str(value),)),
    "method": lambda value: ("method = ? COLLATE NOCASE", (str(value),)),
    "status": _status,
    "verdict": lambda value: ("verdict = ?", (str(value),)),
    "rule": _rule,
    "cache": _cache,
    "type": _type,
    "larger": lambda value: ("response_bytes > ? * exchanges", (_number(value),)),
    "since": _since,
    "until": _until,
    "error": _error,
    "via": _via,
    "cleaned": _cleaned,
    "text": lambda value: ("target LIKE ? ESCAPE '\\'", (f"%{_literal(str(value))}%",)),
}
