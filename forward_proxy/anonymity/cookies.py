"""Whose cookies pass?  RFC 6265.

`standard` takes cookies from what another site's page loads without reading it (images, scripts, beacons), `strict`
from everything that another site's page loads as a part of itself, which is what Safari does.  A line that can link
nobody passes: at both levels one that only deletes, so that signing out by an image still signs out, and at
`standard` one with Partitioned, which the browser keeps apart for each site it was set under.
"""

import re

from forward_proxy.anonymity.exchange import Exchange, is_third_party_part, is_unread_part
from forward_proxy.anonymity.treatment import Lines
from forward_proxy.message.dates import parse_date

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PAST_AGE = re.compile(rb"-[0-9]{1,20}|0{1,20}")


def not_in_unread_parts(exchange: Exchange, lines: Lines) -> Lines:
    return () if is_unread_part(exchange) else lines


def not_in_third_party_parts(exchange: Exchange, lines: Lines) -> Lines:
    return () if is_third_party_part(exchange) else lines


def set_outside_unread_parts(exchange: Exchange, lines: Lines) -> Lines:
    if not is_unread_part(exchange):
        return lines
    return tuple(line for line in lines if _is_partitioned(line) or _only_deletes(line, exchange.subject.at))


def set_outside_third_party_parts(exchange: Exchange, lines: Lines) -> Lines:
    if not is_third_party_part(exchange):
        return lines
    return tuple(line for line in lines if _only_deletes(line, exchange.subject.at))


def _is_partitioned(line: bytes) -> bool:
    return any(name == b"partitioned" for name, _ in _attributes(line))


def _only_deletes(line: bytes, now: int) -> bool:
    """Whether every Max-Age, or without one every Expires, lies in the past.

    Of several a browser takes the last that it can read; to ask it of all, in the strictest spelling, is never laxer.
    """
    attributes = _attributes(line)
    ages = [value for name, value in attributes if name == b"max-age"]
    if ages:
        return all(_PAST_AGE.fullmatch(age) for age in ages)
    ends = [_cookie_date(value, now) for name, value in attributes if name == b"expires"]
    return bool(ends) and all(end is not None and end <= now for end in ends)


def _attributes(line: bytes) -> list[tuple[bytes, bytes]]:
    """Lower-case names and values; none of a line with a control character, where browsers differ on what they read."""
    if _CONTROL.search(line):
        return []
    pairs = (attribute.partition(b"=") for attribute in line.split(b";")[1:])
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs]


def _cookie_date(value: bytes, now: int) -> int | None:
    """POSIX seconds; also of `Thu, 01-Jan-1970 …`, no HTTP date but the commonest way to delete a cookie."""
    at = parse_date(value, now)
    return parse_date(value.replace(b"-", b" "), now) if at is None else at
