"""How is a stored response written in its row?  As JSON behind its own digest, with Latin-1 for octets: no pickle.

What comes back is judged as if a stranger wrote it: the digest tells damage, the checks of type and shape tell a row
that was made by hand.  What fails is None, never an error, and never a head that could split a response in two.

A response's id is `<key>-<selection>-<own>`: digests of the cache key and of the request fields it was selected by
(RFC 9111 §4.1), then random digits.  The first part finds all responses of a key, the first two those that a newer one
replaces; with the third an id never means two contents.
"""

import json
import random
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b

from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.message.fields import FieldSection, is_token
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.storage.blocks import DIGEST_BYTES, digest

RECORD_LIMIT_BYTES = 1 << 20

# Version 1 has neither `pinned` nor `stale_from`.
_VERSION = 2
_KEY_DIGITS, _SELECTION_DIGITS, _OWN_DIGITS = 24, 16, 16
_ID = re.compile(rf"[0-9a-f]{{{_KEY_DIGITS}}}-[0-9a-f]{{{_SELECTION_DIGITS}}}-[0-9a-f]{{{_OWN_DIGITS}}}")
_BREAKS_A_LINE = re.compile(r"[\r\n\0]")
_NUMBER_LIMIT = 1 << 53
_REMEMBERED_BYTES = 8 << 10

type _Lines = list[list[str]]


@dataclass(frozen=True, slots=True)
class Record:
    """One stored response as its row has it: the key as text, and the root digest of its content."""

    key_text: str
    stored: StoredResponse
    root: bytes


def key_prefix(key_text: str) -> str:
    """What the ids of all responses under this key begin with."""
    return _hex(key_text.encode("utf-8", "surrogatepass"), _KEY_DIGITS) + "-"


def new_id(stored: StoredResponse) -> str:
    selection = json.dumps(_lines(stored.request_fields)).encode()
    # Not `secrets`: it lets go of the interpreter, which the thread that writes does not give back for a while.
    own = f"{random.getrandbits(_OWN_DIGITS * 4):0{_OWN_DIGITS}x}"  # It has to be new, not secret.
    return f"{key_prefix(str(stored.key))}{_hex(selection, _SELECTION_DIGITS)}-{own}"


def selection_prefix(response_id: str) -> str:
    """What the ids of responses begin with that this one takes the place of."""
    return response_id[:-_OWN_DIGITS]


def is_id(text: object) -> bool:
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def encode(stored: StoredResponse, root: bytes) -> bytes:
    """The row's bytes; the id is the row's key and not among them."""
    body = json.dumps(
        [
            _VERSION,
            str(stored.key),
            stored.status,
            stored.request_at,
            stored.response_at,
            stored.content_bytes,
            root.hex(),
            _lines(stored.fields),
            _lines(stored.request_fields),
            stored.pinned,
            stored.stale_from,
        ],
        separators=(",", ":"),
    ).encode("ascii")
    return digest(body) + body


def decode(octets: object, response_id: object, key: CacheKey | None = None) -> Record | None:
    """The record in a row, None when it is damaged or not ours.  Never raises.

    With `key`, a record of any other key is None too; without, the key is read from the record's text.
    """
    if not isinstance(octets, bytes) or not isinstance(response_id, str) or len(octets) > RECORD_LIMIT_BYTES:
        return None
    # What is found is opened next, so the same octets come twice.
    again = key is not None and len(octets) <= _REMEMBERED_BYTES
    return _remembered(octets, response_id, key) if again else _decoded(octets, response_id, key)


def _decoded(octets: bytes, response_id: str, key: CacheKey | None) -> Record | None:
    body = octets[DIGEST_BYTES:]
    if digest(body) != octets[:DIGEST_BYTES]:
        return None
    try:
        return _record(json.loads(body), response_id, key)
    except (ValueError, TypeError, RecursionError):
        return None


_remembered = lru_cache(maxsize=1024)(_decoded)


def _record(values: object, response_id: str, key: CacheKey | None) -> Record | None:
    if isinstance(values, list) and values[:1] == [1]:
        values = [_VERSION, *values[1:], False, None]
    match values:
        case [
            int(version),
            str(text),
            int(status),
            int(request_at),
            int(response_at),
            int(length),
            str(root),
            list(lines),
            list(request_lines),
            bool(pinned),
            int() | None as stale_from,
        ] if version == _VERSION and 100 <= status <= 999:
            pass
        case _:
            return None
    if not all(0 <= number < _NUMBER_LIMIT for number in (request_at, response_at, length, stale_from or 0)):
        return None
    key = _same_key(text, key) if is_id(response_id) and response_id.startswith(key_prefix(text)) else None
    fields, request_fields = _section(lines), _section(request_lines)
    if key is None or fields is None or request_fields is None:
        return None
    stored = StoredResponse(
        key, status, fields, request_fields, request_at, response_at, response_id, length, pinned, stale_from
    )
    return Record(text, stored, bytes.fromhex(root))


def _same_key(text: str, key: CacheKey | None) -> CacheKey | None:
    """The key that this text is of: the one given, or the one it spells in canonical form."""
    if key is not None:
        return key if str(key) == text else None
    method, _, url = text.partition(" ")
    target = parse_target_uri(url)
    return CacheKey(method, target) if isinstance(target, TargetUri) and str(target) == url else None


def _section(lines: _Lines) -> FieldSection | None:
    """The field section of these lines; None when one could not have come from a message (RFC 9110 §5.1, §5.5)."""
    pairs = [(name, value) for name, value in lines]
    if not pairs:
        return FieldSection()
    names = "".join([name for name, _ in pairs]).encode("ascii")
    if not is_token(names) or not all(name for name, _ in pairs):
        return None
    if _BREAKS_A_LINE.search("".join([value for _, value in pairs])):
        return None
    return FieldSection([(name.encode("ascii"), value.encode("latin-1")) for name, value in pairs])


def _lines(fields: FieldSection) -> _Lines:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in fields]


def _hex(octets: bytes, digits: int) -> str:
    return blake2b(octets, digest_size=digits // 2).hexdigest()


def identified(stored: StoredResponse, content_bytes: int) -> StoredResponse:
    """The response with an id of its own and its content's length."""
    return replace(stored, id=new_id(stored), content_bytes=content_bytes)
