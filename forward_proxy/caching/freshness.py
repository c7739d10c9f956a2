"""How long may a stored response be reused, and how old is it?  RFC 9111 §4.2.

Times are POSIX seconds, ages and lifetimes delta-seconds, all int, none negative but `ttl` and none above 2**31.  The
conservative sum of §4.2.3 is used, with apparent_age.  A clock that runs backwards adds nothing to an age.
A soft purge ends the lifetime at the age of that moment, so what may be served stale counts from it.
Deviations: a URI with a query has no heuristic lifetime unless an option says so, which is RFC 2616 §13.9's caution.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from forward_proxy.caching.directives import INFINITE, Directives, delta_seconds
from forward_proxy.caching.heeded import heeded, heeds_expires
from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import Override, is_negative
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.dates import parse_date
from forward_proxy.message.fields import FieldSection

type Basis = Literal[
    "s-maxage", "max-age", "Expires", "heuristic", "none", "soft purge", "min_fresh_s", "max_fresh_s", "negative_s"
]

# RFC 9110 §15.1, without 206, which is never stored here.
HEURISTICALLY_CACHEABLE = frozenset((200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501))

_LONGEST_DATE = len("Wednesday, 06-Nov-94 08:49:37 GMT")
# Each hit asks for the same dates again.
_remembered = lru_cache(maxsize=8192)(parse_date)


@dataclass(frozen=True, slots=True)
class FreshnessSums:
    """Every number of §4.2 for one stored response at one moment, by the RFC's names."""

    now: int
    request_time: int
    response_time: int
    date_value: int
    age_value: int
    apparent_age: int
    response_delay: int
    corrected_age_value: int
    corrected_initial_age: int
    resident_time: int
    current_age: int
    freshness_lifetime: int
    basis: Basis

    @property
    def fresh(self) -> bool:
        """response_is_fresh."""
        return self.freshness_lifetime > self.current_age

    @property
    def ttl(self) -> int:
        """What is left of the lifetime; negative once stale (RFC 9211 §2.4)."""
        return self.freshness_lifetime - self.current_age


def freshness(stored: StoredResponse, now: int, options: Options) -> FreshnessSums:
    """The sums of §4.2.1 to §4.2.3.  Never raises."""
    date_value = date_of(stored)
    age_value = _age_value(stored.fields)
    apparent_age = _bounded(stored.response_at - date_value)
    response_delay = _bounded(stored.response_at - stored.request_at)
    corrected_age_value = _bounded(age_value + response_delay)
    corrected_initial_age = max(apparent_age, corrected_age_value)
    resident_time = _bounded(now - stored.response_at)
    lifetime, basis = _lifetime(stored, date_value, options)
    if stored.stale_from is not None:
        purged_at_age = _bounded(corrected_initial_age + _bounded(stored.stale_from - stored.response_at))
        if purged_at_age < lifetime:
            lifetime, basis = purged_at_age, "soft purge"
    return FreshnessSums(
        now=now,
        request_time=stored.request_at,
        response_time=stored.response_at,
        date_value=date_value,
        age_value=age_value,
        apparent_age=apparent_age,
        response_delay=response_delay,
        corrected_age_value=corrected_age_value,
        corrected_initial_age=corrected_initial_age,
        resident_time=resident_time,
        current_age=_bounded(corrected_initial_age + resident_time),
        freshness_lifetime=lifetime,
        basis=basis,
    )


def freshness_lifetime(stored: StoredResponse, options: Options) -> int | None:
    """Explicit lifetime in seconds, first match wins; None when the response names none (§4.2.1).

    Never raises: an unparsable Expires counts as already expired (§5.3).
    """
    explicit = _explicit(stored, heeded(stored.fields, options), date_of(stored), options)
    return explicit[0] if explicit else None


def heuristic_lifetime(stored: StoredResponse, options: Options) -> int | None:
    """A lifetime for a response without an explicit one, from Last-Modified; None where none may be made (§4.2.2)."""
    said = heeded(stored.fields, options)
    marked = "public" in said or ("private" in said and not options.shared)
    if not marked and stored.status not in HEURISTICALLY_CACHEABLE:
        return None
    if stored.key.target.query is not None and not options.heuristics_with_query:
        return None
    modified_at = _parsed(stored.fields.get(b"last-modified") or b"", stored)
    if modified_at is None:
        return None
    return min(int(_bounded(date_of(stored) - modified_at) * options.heuristic_fraction), options.heuristic_max_s)


def why_stale(stored: StoredResponse, sums: FreshnessSums, options: Options) -> str:
    """Why a response that is not fresh is not, in a few words."""
    if sums.basis == "none":
        return f"no lifetime given{no_heuristics(stored, options)}"
    by = " since it was purged softly" if sums.basis == "soft purge" else ""
    return f"stale for {-sums.ttl} s{by}"


def no_heuristics(stored: StoredResponse, options: Options) -> str:
    """The end of a sentence about a response whose lifetime could have been guessed, but for its query."""
    off = stored.key.target.query is not None and not options.heuristics_with_query
    return ", heuristics off for queries" if off and b"last-modified" in stored.fields else ""


def date_of(stored: StoredResponse) -> int:
    """date_value; the time of receipt stands in for a Date that is missing or no date (RFC 9110 §6.6.1)."""
    value = stored.fields.get(b"date")
    at = None if value is None else _parsed(value, stored)
    return stored.response_at if at is None else at


def _lifetime(stored: StoredResponse, date_value: int, options: Options) -> tuple[int, Basis]:
    own = _own_lifetime(stored, date_value, options)
    return _overridden(stored.status, own, options.override) if options.override else own


def _overridden(status: int, own: tuple[int, Basis], override: Override) -> tuple[int, Basis]:
    lifetime, basis = own
    if is_negative(status) and override.negative_s is not None and basis in ("heuristic", "none"):
        return override.negative_s, "negative_s"
    if override.max_fresh_s is not None and lifetime > override.max_fresh_s:
        return override.max_fresh_s, "max_fresh_s"
    if override.min_fresh_s is not None and lifetime < override.min_fresh_s and status < 400:
        return override.min_fresh_s, "min_fresh_s"
    return own


def _own_lifetime(stored: StoredResponse, date_value: int, options: Options) -> tuple[int, Basis]:
    if explicit := _explicit(stored, heeded(stored.fields, options), date_value, options):
        return explicit
    heuristic = heuristic_lifetime(stored, options)
    return (0, "none") if heuristic is None else (heuristic, "heuristic")


def _explicit(stored: StoredResponse, said: Directives, date_value: int, options: Options) -> tuple[int, Basis] | None:
    if options.shared and (seconds := said.seconds("s-maxage")) is not None:
        return seconds, "s-maxage"
    if (seconds := said.seconds("max-age")) is not None:
        return seconds, "max-age"
    expires = stored.fields.get_all(b"expires")
    if expires and heeds_expires(stored.fields, options):
        # Of several lines the first counts (§4.2.1).
        at = _parsed(expires[0], stored)
        return (0 if at is None else _bounded(at - date_value)), "Expires"
    return None


def _age_value(fields: FieldSection) -> int:
    """§5.1: of a list the first member, and nothing at all when that is no number."""
    value = fields.get(b"age")
    return 0 if value is None else delta_seconds(value.partition(b",")[0].strip(b" \t")) or 0


def _parsed(value: bytes, stored: StoredResponse) -> int | None:
    value = value.strip(b" \t")
    # What is longer is no date, and must not fill the memory.
    return _remembered(value, stored.response_at) if len(value) <= _LONGEST_DATE else None


def _bounded(seconds: int) -> int:
    """Never negative, never beyond 2**31 (§1.2.2)."""
    return min(max(0, seconds), INFINITE)
