"""Which stored responses answer this request?  RFC 9111 §4.1.

A field is nominated by a lower-case name in Vary; a Vary that holds `*`, or anything but names, matches no request.
Two values match as received, or in their normal form: lines combined and white space around commas removed for any
field but those known to be no lists; order, case and an explicit weight of 1 ignored where the field's own section of
RFC 9110 §12.5 gives them no meaning.  Quoted strings are left alone.

Nothing is chosen by Content-Language: §4.1 lets values match if and only if they mean the same, and how an origin
selects is its own affair (RFC 9110 §12.1).  One that sent German for `en, de` may have French for `fr;q=0.5, de`, or
another currency beside another language.

§4.1 wants a response without Vary passed over when others of the same target have one, since such default responses
often lack it by mistake.  Here that holds while one of the others is fresh or newer; otherwise a resource that has
dropped Vary for good would never be reused again.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from forward_proxy.caching.freshness import date_of, freshness
from forward_proxy.caching.keys import answers
from forward_proxy.caching.options import Options
from forward_proxy.caching.personal import CREDENTIALS, is_personal, why_personal
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.fields import FieldSection, is_token, list_members
from forward_proxy.message.heads import RequestHead

type Recency = tuple[int, int, str]

_CASELESS_PREFERENCES = frozenset((b"accept-encoding", b"accept-language", b"accept-charset"))
_NO_LISTS = frozenset((b"authorization", b"cookie", b"from", b"host", b"origin", b"referer", b"user-agent"))
_LONGEST_REMEMBERED = 512
_WEIGHT_OF_ONE = re.compile(rb"[ \t]*;[ \t]*q=1(?:\.0{0,3})?\Z")


def nominated(vary: bytes) -> frozenset[bytes] | None:
    """The lower-case names in a Vary value; None when it can match no request."""
    return _remembered(vary) if len(vary) <= _LONGEST_REMEMBERED else _parse(vary)


def nominated_by(response: FieldSection, options: Options) -> frozenset[bytes] | None:
    """The same of a response, whose Vary the operator may have ignored."""
    vary = response.get(b"vary")
    return frozenset() if vary is None or options.ignores("vary") else nominated(vary)


def selecting_fields(request: FieldSection, response: FieldSection, options: Options) -> FieldSection:
    """What to store of the request: the lines that Vary nominates, and of a personal response the credentials.

    Of credentials it is a digest: enough to know them again.
    """
    names = nominated_by(response, options) or frozenset()
    # What is everybody's by leave of the origin or the operator is personal once either takes that back.
    personal = why_personal(response, request, options) or options.ignores("private")
    names |= CREDENTIALS if personal else {b"authorization"}
    lines = [line for line in request if line[0] in names and line[0] not in CREDENTIALS]
    kept = [(name, _digest(name, request.get_all(name))) for name in sorted(names & CREDENTIALS) if name in request]
    return FieldSection((*lines, *kept))


def matching(
    request: RequestHead, candidates: Sequence[StoredResponse], now: int, options: Options
) -> tuple[StoredResponse, ...]:
    """The stored responses that could be chosen for the request, the one to choose first."""
    usable = [stored for stored in candidates if not (options.shared and is_personal(stored, options))]
    matches = [stored for stored in usable if _matches(stored, request, options)]
    if len(usable) > 1:
        varying = [stored for stored in usable if b"vary" in stored.fields]
        matches = [stored for stored in matches if b"vary" in stored.fields or _stands(stored, varying, now, options)]
        matches.sort(key=_recency, reverse=True)
    return tuple(matches)


def why_none(request: RequestHead, candidates: Sequence[StoredResponse], options: Options) -> str:
    """Why none of these responses under the request's key can be chosen for it, in a few words."""
    names: set[bytes] = set()
    for stored in candidates:
        nominating = nominated_by(stored.fields, options) or frozenset()
        asked_for = nominating | CREDENTIALS if is_personal(stored, options) else nominating
        names |= {name for name in asked_for if not _agrees(name, stored, request)}
    if not names:
        return "what is stored has a Vary that matches no request"
    return f"stored for other values of {', '.join(sorted(name.decode('latin-1').title() for name in names))}"


def _agrees(name: bytes, stored: StoredResponse, request: RequestHead) -> bool:
    return _same(name, stored.request_fields.get_all(name), request.fields.get_all(name))


def _parse(vary: bytes) -> frozenset[bytes] | None:
    names = list_members(vary)
    return frozenset(name.lower() for name in names) if all(is_token(n) and n != b"*" for n in names) else None


_remembered = lru_cache(maxsize=1024)(_parse)


def _matches(stored: StoredResponse, request: RequestHead, options: Options) -> bool:
    """Whether the key is the same, and every nominated field that of the request that got the response stored."""
    names = nominated_by(stored.fields, options)
    if names is None or not answers(stored.key, request, options):
        return False
    if not options.shared and is_personal(stored, options):  # A shared cache has left it out already.
        names |= CREDENTIALS
    return all(_agrees(name, stored, request) for name in names)


def _stands(stored: StoredResponse, varying: Iterable[StoredResponse], now: int, options: Options) -> bool:
    """Whether a response without Vary may be chosen although some of the same target have one."""
    recency = _recency(stored)
    return all(_recency(other) < recency and not freshness(other, now, options).fresh for other in varying)


def _recency(stored: StoredResponse) -> Recency:
    return date_of(stored), stored.response_at, stored.id


def _same(name: bytes, first: tuple[bytes, ...], second: tuple[bytes, ...]) -> bool:
    # Absent matches only absent, however empty the other is.
    if not first or not second:
        return first == second
    if name in CREDENTIALS:  # Whoever sends the digest itself is not known by it.
        return first == (_digest(name, second),)
    return first == second or _normal(name, first) == _normal(name, second)


def _digest(name: bytes, lines: tuple[bytes, ...]) -> bytes:
    """What is stored in place of a password or a session's cookie."""
    return b"blake2b " + blake2b(_joined(name, lines), digest_size=16).hexdigest().encode()


def _joined(name: bytes, lines: tuple[bytes, ...]) -> bytes:
    return (b"; " if name == b"cookie" else b", ").join(line.strip(b" \t") for line in lines)


def _normal(name: bytes, lines: tuple[bytes, ...]) -> bytes | list[bytes]:
    if name in _NO_LISTS:
        return _joined(name, lines)
    value = b",".join(lines)
    if name in _CASELESS_PREFERENCES:
        return sorted(_WEIGHT_OF_ONE.sub(b"", member.lower()) for member in list_members(value))
    if name == b"accept":
        return sorted(list_members(value))  # Parameters of media types may be case-sensitive.
    return value.strip(b" \t") if b'"' in value else b",".join(part.strip(b" \t") for part in value.split(b","))
