"""Under which keys can a filter be filed, so that a URL that has none of them cannot fit it?

A token is a run of letters and digits in lower case.  One that stands whole in a pattern, something else on both of
its sides, is a whole token of every URL that fits.  One that something else precedes only is the beginning of a token,
one that something else follows only the end of one; of those the first and the last few octets are keys.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from forward_proxy.access.filters.lines import Expression, Filter
from forward_proxy.access.filters.patterns import Pattern

# A URL by this table, split at white space, is its tokens.
_TOKENS = bytes(ord(chr(octet).lower()) if octet < 128 and chr(octet).isalnum() else ord(" ") for octet in range(256))
_EDGE = 4

_TOKEN = re.compile(rb"[a-z0-9]+")
# In so many URLs that a filter filed under one of them is tried for most.
COMMON = frozenset(
    b"http https www www2 com net org co us uk de fr en site web app js css html htm php json png jpg jpeg gif svg "
    b"webp ico images image img static assets media api cdn files file content wp uploads themes plugins scripts "
    b"script fonts data page index public main common lib src min id v v1 v2 0 1 2 3 a c d e i m p s t".split()
)


class Words(NamedTuple):
    """Whole tokens, beginnings and ends of tokens: all that filters are filed under, or those of them in a URL."""

    whole: frozenset[bytes] = frozenset()
    begun: frozenset[bytes] = frozenset()
    ended: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, whole: Iterable[bytes], begun: Iterable[bytes], ended: Iterable[bytes]) -> "Words":
        return cls(frozenset(whole), frozenset(begun), frozenset(ended))

    def found_in(self, url: bytes) -> "Words":
        """Those that are in the URL: long ones have hundreds of tokens, which are gone through once for all indexes."""
        tokens = url.translate(_TOKENS).split()
        begun, ended = self.begun, self.ended
        if begun:
            begun = begun.intersection([token[:_EDGE] for token in tokens if len(token) >= _EDGE])
        if ended:
            ended = ended.intersection([token[-_EDGE:] for token in tokens if len(token) >= _EDGE])
        return Words(self.whole.intersection(tokens), begun, ended)


@dataclass(frozen=True, slots=True)
class Key:
    """`kind` is the part of the index: site, whole, begun, ended or page."""

    kind: str
    name: str


def keys_of(filter_: Filter) -> Iterator[Key]:
    """Every key that alone would do; pages are not among them, since a filter has to be filed under all it names."""
    if filter_.site is not None:
        yield Key("site", filter_.site)
    for token in _TOKEN.finditer(filter_.parameter.lower().encode()):
        yield Key("whole", token[0].decode())
    if isinstance(filter_.pattern, Expression):
        yield from _of_octets(filter_.pattern.literal.encode(), False, False)
    else:
        yield from _of_pattern(filter_.pattern)


def _of_pattern(pattern: Pattern) -> Iterator[Key]:
    for number, run in enumerate(pattern.runs):
        at_begin = pattern.begins and number == 0
        at_end = pattern.ends and number == len(pattern.runs) - 1
        yield from _of_octets(run.text.lower(), at_begin, at_end)


def _of_octets(octets: bytes, at_begin: bool, at_end: bool) -> Iterator[Key]:
    for token in _TOKEN.finditer(octets):
        preceded = token.start() > 0 or at_begin
        followed = token.end() < len(octets) or at_end
        name = token[0].decode()
        if preceded and followed:
            yield Key("whole", name)
        elif preceded and len(name) >= _EDGE:
            yield Key("begun", name[:_EDGE])
        elif followed and len(name) >= _EDGE:
            yield Key("ended", name[-_EDGE:])
