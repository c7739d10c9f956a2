"""What does Cache-Control say?  RFC 9111 §5.2.

Names are lower-case text, arguments bytes out of their quotes, lifetimes delta-seconds.  Both forms of an argument are
read, token and quoted-string, wherever one is defined.

What is wrong can only restrict.  Given twice, the first counts (§4.2.1), but an unqualified `no-cache` or `private`
outweighs a qualified one and two qualified ones add up.  An argument that is no delta-seconds counts as 0, that is as
stale (§4.2.1).  In a member outside the grammar, such as `max-age =5` or `private; no-store`, every name that
restricts is heeded and every name that permits is not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from forward_proxy.message.fields import FieldSection, is_token, list_members

INFINITE = 2**31  # §1.2.2: what a larger number counts as.

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TOKENS = re.compile(_TOKEN)
_MEMBER = re.compile(rb"(" + _TOKEN + rb")(?:=(?:(" + _TOKEN + rb')|"((?:[^"\\]|\\.)*+)"))?', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_QUALIFIABLE = frozenset(("no-cache", "private"))
# Fields that reuse itself depends on.
NEEDED_FOR_REUSE = frozenset(
    (
        b"age",
        b"cache-control",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"date",
        b"etag",
        b"expires",
        b"last-modified",
        b"location",
        b"vary",
    )
)
_RESTRICTING = _QUALIFIABLE | {"no-store", "must-revalidate", "proxy-revalidate", "max-age", "s-maxage"}
MALFORMED = b""
_LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Directives:
    """The directives of one message; `arguments` is None for a directive without one, empty for a malformed one."""

    arguments: Mapping[str, bytes | None]

    def __contains__(self, name: str) -> bool:
        return name in self.arguments

    def seconds(self, name: str) -> int | None:
        """The argument as delta-seconds, 0 when it is none; None when the directive is absent."""
        if name not in self.arguments:
            return None
        return delta_seconds(self.arguments[name] or MALFORMED) or 0

    def field_names(self, name: str) -> frozenset[bytes]:
        """The lower-case field names that a qualified `no-cache` or `private` lists; empty when it is unqualified."""
        members = list_members(self.arguments.get(name) or MALFORMED)
        return frozenset(member.lower() for member in members) if all(map(is_token, members)) else frozenset()

    def unqualified(self, name: str) -> bool:
        """Whether the directive speaks of the whole response."""
        return name in self.arguments and not self.field_names(name)

    def applies_whole(self, name: str) -> bool:
        """Whether a `no-cache` or `private` counts as unqualified: also when it lists what reuse depends on."""
        if name not in self.arguments:
            return False
        names = self.field_names(name)
        return not names or not NEEDED_FOR_REUSE.isdisjoint(names)


NO_DIRECTIVES = Directives(MappingProxyType({}))
_PRAGMA_NO_CACHE = Directives(MappingProxyType({"no-cache": None}))


def directives(fields: FieldSection) -> Directives:
    """What the Cache-Control lines of a message say together.  Never raises."""
    value = fields.get(b"cache-control")
    if value is None:
        return NO_DIRECTIVES
    return _remembered(value) if len(value) <= _LONGEST_REMEMBERED else _parse(value)


def request_directives(fields: FieldSection) -> Directives:
    """The same for a request, where `Pragma: no-cache` stands in for an absent Cache-Control.

    RFC 9111 §5.4 only deprecates Pragma; this is what RFC 7234 §5.4 made of it, and costs no more than a validation.
    """
    if b"cache-control" not in fields and (pragma := fields.get(b"pragma")):
        return _PRAGMA_NO_CACHE if b"no-cache" in map(bytes.lower, list_members(pragma)) else NO_DIRECTIVES
    return directives(fields)


def delta_seconds(value: bytes) -> int | None:
    """The number, at most 2**31 (§1.2.2); None when the bytes are not delta-seconds."""
    if not value.isdigit():
        return None
    digits = value.lstrip(b"0")
    return min(int(digits or b"0"), INFINITE) if len(digits) <= 10 else INFINITE


def _parse(value: bytes) -> Directives:
    arguments: dict[str, bytes | None] = {}
    for member in list_members(value):
        if match := _MEMBER.fullmatch(member):
            name, token, quoted = match.groups()
            argument = token if quoted is None else _QUOTED_PAIR.sub(rb"\1", quoted)
            _add(arguments, name.lower().decode("ascii"), argument)
        else:
            for token in _TOKENS.findall(member):
                if (name := token.lower().decode("ascii")) in _RESTRICTING:
                    _add(arguments, name, MALFORMED)
    return Directives(MappingProxyType(arguments))


_remembered = lru_cache(maxsize=4096)(_parse)


def _add(arguments: dict[str, bytes | None], name: str, argument: bytes | None) -> None:
    if name in _QUALIFIABLE and name in arguments:
        first = arguments[name]
        arguments[name] = first + b"," + argument if first and argument else MALFORMED
    else:
        arguments.setdefault(name, argument)
