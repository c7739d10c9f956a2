"""Link without the values that make a browser reach out before anybody asked.  RFC 8288 §3."""

import re
from collections.abc import Iterator

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.treatment import Lines

_AHEAD = frozenset((b"dns-prefetch", b"preconnect", b"prefetch", b"prerender"))
_RELATION = re.compile(rb";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
_SIGN = re.compile(rb"[<\",]")
_QUOTED = re.compile(rb"\"(?:[^\"\\]|\\.)*+\"", re.DOTALL)


def without_speculation(_: Exchange, lines: Lines) -> Lines:
    return tuple(kept for line in lines if (kept := _without_speculation(line)))


def _without_speculation(line: bytes) -> bytes:
    values = list(_link_values(line))
    kept = [value for value in values if not _reaches_ahead(value)]
    return line if len(kept) == len(values) else b", ".join(kept)


def _reaches_ahead(value: bytes) -> bool:
    parameters = value.rpartition(b">")[2]
    relations = (quoted or bare for quoted, bare in _RELATION.findall(parameters))
    return any(not _AHEAD.isdisjoint(relation.lower().split()) for relation in relations)


def _link_values(line: bytes) -> Iterator[bytes]:
    """The members of the list; a comma within <…> or a quoted string parts nothing, an unclosed one runs to the end."""
    start = at = 0
    while sign := _SIGN.search(line, at):
        at = sign.end()
        if sign[0] == b",":
            yield from filter(None, (line[start : sign.start()].strip(),))
            start = at
        elif sign[0] == b"<":
            at = line.find(b">", at) + 1 or len(line)
        else:
            quoted = _QUOTED.match(line, sign.start())
            at = quoted.end() if quoted else len(line)
    yield from filter(None, (line[start:].strip(),))
