"""Which cache directives are targeted at this cache?  RFC 9213.

The operator names the fields of this cache's target list, such as CDN-Cache-Control.  The first of them that is there,
a valid Dictionary (RFC 9651 §3.2) and not empty takes the place of Cache-Control and Expires; parameters mean nothing.
Values become those of Cache-Control: ?1 is no argument, ?0 is no directive, and what is of no type that a directive
can have counts as malformed, so that a lifetime is 0 (RFC 9111 §4.2.1).  Deviations: none.
"""

from collections import UserString
from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType

from forward_proxy.caching.directives import MALFORMED, Directives
from forward_proxy.message.fields import FieldSection

_LONGEST_REMEMBERED = 512
_DELTA_SECONDS = frozenset(("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"))


def targeted(fields: FieldSection, targets: Sequence[bytes]) -> Directives | None:
    """The directives of the first applicable field of the target list, lower-case names; None when there is none."""
    for name in targets:
        value = fields.get(name)
        if value is not None and (said := _remembered(value) if len(value) <= _LONGEST_REMEMBERED else _parse(value)):
            return said
    return None


def _parse(value: bytes) -> Directives | None:
    """What a field value says; None when it says nothing."""
    import http_sf  # Takes a while, and few operators name a target.

    try:
        members = http_sf.parse(value, tltype="dictionary")
    except ValueError:
        return None
    if not isinstance(members, dict) or not members:
        return None
    values = {name: member[0] for name, member in members.items() if isinstance(member, tuple)}
    arguments = {name: _argument(name, value) for name, value in values.items() if value is not False}
    return Directives(MappingProxyType(arguments))


_remembered = lru_cache(maxsize=1024)(_parse)


def _argument(name: str, value: object) -> bytes | None:
    """The argument as Cache-Control would have it: delta-seconds are an Integer, everything else is text."""
    if value is True:
        return None
    if isinstance(value, int) and name in _DELTA_SECONDS:
        return b"%d" % value
    is_text = isinstance(value, str | UserString)  # A Token is a UserString.
    return str(value).encode("ascii") if is_text and name not in _DELTA_SECONDS else MALFORMED
