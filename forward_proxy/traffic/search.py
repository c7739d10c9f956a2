"""What does somebody look for in the log?  One line of words, all of which must hold; `-` before one turns it round.

    host:example.com -cache:hit status:4xx since:2h "summer sale"

`host` means the name and all below it, `user` the whole name, `rule` a rule's id or the beginning of its file's name,
`type` a media type or its first half, `larger` more bytes of response content in each exchange (K, M and G are powers
of 1024), `since` and `until` the start of the exchange: so long ago, or a date and time, local unless it says
otherwise; `cleaned` what was removed from the target.  A word without a filter's name is looked for in the target,
letter case aside; quotation marks hold spaces together and take colons for what they are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from forward_proxy.message.hosts import canonical_host

type Value = str | int | float | range

# RFC 9211 §2.1 and §2.2, and whether the response was stored (§2.6).
CACHE_WORDS = ("hit", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial", "stored")
_LONGEST_LINE = 1000
_MOST_WORDS = 32
_WORD = re.compile(r'(-?)(?:([A-Za-z_]+):(?!//))?("[^"]*"?|[^\s"]+|)(?:\s+|\Z|(?="))')
_STATUS = re.compile(r"[1-5](?:xx|[0-9]{2})", re.IGNORECASE)
_BYTES = re.compile(r"([0-9]{1,12})([KMG]?)B?", re.IGNORECASE)
_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.IGNORECASE)
_POWER = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOMENT = "a time ago (10m, 2h, 7d) or a date and time (2026-11-22T10:00)"


@dataclass(frozen=True, slots=True)
class Term:
    """One word understood; `name` is a filter's, or `text`."""

    name: str
    value: Value
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """All of the terms hold; none means every record."""

    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class BadSearch:
    """A word that was not understood, and what would be."""

    word: str
    expected: str

    def __str__(self) -> str:
        return f"{self.word}: expected {self.expected}"


def parse_search(line: str, now: float) -> Search | BadSearch:
    """The search that the line describes; `now` in POSIX seconds is what `since:10m` counts from.  Never raises."""
    if len(line) > _LONGEST_LINE:
        return BadSearch(f"{line[:20]}…", f"at most {_LONGEST_LINE} characters")
    terms = []
    for match in _WORD.finditer(line.strip()):
        if not match[0]:
            continue
        term = _term(match, now)
        if isinstance(term, BadSearch):
            return term
        terms.append(term)
    return Search(tuple(terms)) if len(terms) <= _MOST_WORDS else BadSearch(line, f"at most {_MOST_WORDS} words")


def parse_moment(text: str, now: float) -> float | None:
    """POSIX seconds of `10m` (so long before now) or of an ISO 8601 date and time, local without a zone."""
    if match := _AGO.fullmatch(text):
        return now - int(match[1]) * _SECONDS[match[2].lower()]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _term(match: re.Match[str], now: float) -> Term | BadSearch:
    word = match[0].strip()
    negated, name, value = match[1] == "-", (match[2] or "text").lower(), match[3].strip('"')
    if name == "text":
        return Term("text", value, negated) if value else BadSearch(word, "something to look for")
    if name not in _FILTERS:
        return BadSearch(word, f"one of {', '.join(f'{known}:' for known in _FILTERS)} (or quotation marks around it)")
    read, expected = _FILTERS[name]
    read_value = read(value, now) if value else None
    return BadSearch(word, expected) if read_value is None else Term(name, read_value, negated)


def _host(text: str, now: float) -> str | None:
    return canonical_host(text.removeprefix("*."))


def _as_written(text: str, now: float) -> str:
    return text


def _lower(text: str, now: float) -> str:
    return text.lower()


def _status(text: str, now: float) -> range | None:
    if not _STATUS.fullmatch(text):
        return None
    if text[1:].lower() == "xx":
        return range(int(text[0]) * 100, int(text[0]) * 100 + 100)
    return range(int(text), int(text) + 1)


def _verdict(text: str, now: float) -> str | None:
    return text.lower() if text.lower() in ("allowed", "denied") else None


def _cache(text: str, now: float) -> str | None:
    word = text.lower().removeprefix("fwd=")
    return word if word in CACHE_WORDS else None


def _bytes(text: str, now: float) -> int | None:
    match = _BYTES.fullmatch(text)
    return int(match[1]) * _POWER[match[2].upper()] if match else None


_FILTERS: dict[str, tuple[Callable[[str, float], Value | None], str]] = {
    "host": (_host, "a host name or address"),
    "client": (_lower, "a client's address"),
    "user": (_as_written, "the name of a user"),
    "method": (_as_written, "a method (GET)"),
    "status": (_status, "a status code (404) or class (4xx)"),
    "verdict": (_verdict, "allowed or denied"),
    "rule": (_as_written, "a rule's id or file name, with or without line (10-trackers, 10-trackers.yaml:12)"),
    "cache": (_cache, f"one of {', '.join(CACHE_WORDS)}"),
    "type": (_lower, "a media type (image/png) or its first half (image)"),
    "larger": (_bytes, "a number of bytes (500K, 1M)"),
    "since": (parse_moment, _MOMENT),
    "until": (parse_moment, _MOMENT),
    "error": (_lower, "an error type (connection_refused), or any"),
    "via": (_lower, "the address of a parent proxy, or a part of it (proxy.example), or any"),
    "cleaned": (_lower, "the name of a parameter that was removed (utm_source), wrapper, or any"),
}
