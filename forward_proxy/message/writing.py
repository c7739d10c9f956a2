"""How is the head of a response of ours written?  RFC 9112 §4.

Both drivers write by these, so that the same decision makes the same bytes.
"""

from functools import lru_cache
from http import HTTPStatus

from forward_proxy.message.fields import FieldSection

_FIXED = {b"etag": b"ETag", b"www": b"WWW", b"te": b"TE", b"gpc": b"GPC", b"ch": b"CH", b"ua": b"UA", b"nel": b"NEL"}
_LONGEST_REMEMBERED = 64


def response_head(status: int, fields: FieldSection) -> bytes:
    """The head with its empty line."""
    lines = b"".join([b"%b: %b\r\n" % (titled(name), value) for name, value in fields])
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, phrase(status).encode("ascii"), lines)


def phrase(status: int) -> str:
    """The reason phrase that RFC 9110 §15 gives this status code; empty when it gives none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def titled(name: bytes) -> bytes:
    """A field name as HTTP/1 programs spell it: `ETag`, `Content-Type`."""
    return _remembered(name) if len(name) <= _LONGEST_REMEMBERED else _titled(name)


def _titled(name: bytes) -> bytes:
    return b"-".join(_FIXED.get(part, part.capitalize()) for part in name.split(b"-"))


_remembered = lru_cache(maxsize=1024)(_titled)
