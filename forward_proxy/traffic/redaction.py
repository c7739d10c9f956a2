"""Which text of a record may be kept, and shown on a terminal?  RFC 9110 §4.2.4 and §17.9, RFC 3986 §3.2.1.

URIs carry secrets: userinfo, values of parameters that say so by name, fragments, and values that look like tokens
whatever their name.  Each becomes `***`.  A name is judged as decoded; a value is looked into through three layers of
percent-encoding, and masked whole when a secret shows at any of them.  Masking errs towards masking in queries; in
paths only a named value, a JSON Web Token or a long mixed blob goes, since assets are named by hexadecimal digests.

What a terminal might act on (controls, bidirectional marks, invisible or unpaired characters) is spelled as an
escape.  Every function here is idempotent, never raises, and takes time linear in the text.
"""

import re
from functools import lru_cache
from urllib.parse import unquote

MASK = "***"

# In any part of a name, once letters and digits alone are left.
_STEMS = re.compile(
    "token|secret|passw|passphrase|apikey|accesskey|privatekey|signature|credential|jwt|session|sessid|oauth|bearer"
)
_WORDS = frozenset(("auth", "authorization", "sig", "sid", "pwd", "pass", "otp", "hmac"))  # One word of a name.
_NAMES = frozenset(("key", "code", "pin"))  # The whole name.
_SHORTEST_TELLING = 11  # Of a JSON Web Token; anything else that tells needs marks, or more.
_LONG_STATE = 12  # `state` of OAuth is long and random; that of a form is `CA` or `open`.
_REMEMBERED_CHARACTERS = 512  # Of a URI: log and live view ask about the same ones, again and again.

_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_AUTHORITY = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)([^/?#]*)")
_HOST_AND_PORT = re.compile(r"(?:\[[^\]]*\]|[^:@]*)(?::[0-9]*)?")
_USERINFO = re.compile(r"(\A|//)[^/?#]*@")
_PATH_PAIR = re.compile(r"([^?&;#/=]{1,100})=([^&;#/]+)")
_EQUATED = re.compile(r"([^\s?&;#/=]{1,100})=([^\s&;#/]+)")
_PAIR = re.compile(r"([^\s?&;#/=:\"'{},]{1,100})[\"']?\s*[=:]\s*[\"']?([^\s&;#/\"',}]+)")  # JSON's too.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*")
_RUN = re.compile(r"[A-Za-z0-9_+=-]{32,}")
_PLAIN_RUN = re.compile(r"[A-Za-z0-9]{32,}")
_SPACED_WORD = re.compile(r"\S+")


def visible(text: str) -> str:
    """The text with every character that does not print spelled as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def redact_uri(text: str) -> str:
    """A URI, or any request target, without its secrets."""
    return _remembered(text) if len(text) <= _REMEMBERED_CHARACTERS else _redacted(text)


def _redacted(text: str) -> str:
    if "@" in text:
        text = _without_odd_userinfo(text)
    before, hash_mark, fragment = text.partition("#")
    path, mark, query = before.partition("?")
    path = _redact_path(path)
    if mark:
        query = "&".join(map(_redact_parameter, query.split("&")))
    return f"{path}{mark}{query}{hash_mark}{MASK if fragment else ''}"


_remembered = lru_cache(maxsize=4096)(_redacted)


def redact_text(text: str) -> str:
    """Words that may quote a URI or a token, without their secrets."""
    if "//" in text:
        text = _SPACED_WORD.sub(lambda match: redact_uri(match[0]) if "//" in match[0] else match[0], text)
    return _EQUATED.sub(_mask_named, _JWT.sub(MASK, text))


@lru_cache(maxsize=1024)
def names_a_secret(name: str) -> bool:
    """Whether a parameter of this name holds a secret: `access_token`, `X-Amz-Signature`, `userPassword`."""
    words = [word.lower() for word in _NAME_WORD.findall(unquote(name))]
    joined = "".join(words)
    return joined in _NAMES or not _WORDS.isdisjoint(words) or joined in _WORDS or bool(_STEMS.search(joined))


def _without_odd_userinfo(text: str) -> str:
    """A password with a bare `/`, `?` or `#` in it ends the authority early: what is left is no host and port."""
    match = _AUTHORITY.match(text)
    if match is None or _HOST_AND_PORT.fullmatch(match[2]) or "@" in match[2]:
        return text
    return f"{match[1]}{MASK}@{text.rpartition('@')[2]}"


def _redact_path(path: str) -> str:
    if "@" in path:
        path = _USERINFO.sub(rf"\1{MASK}@", path)
    if "eyJ" in path:
        path = _JWT.sub(MASK, path)
    if "=" in path:
        path = _PATH_PAIR.sub(_mask_named, path)
    return _RUN.sub(lambda match: MASK if _is_mixed(match[0]) else match[0], path)


def _mask_named(match: re.Match[str]) -> str:
    if not names_a_secret(match[1]):
        return match[0]
    return match[0][: match.start(2) - match.start()] + MASK


def _redact_parameter(parameter: str) -> str:
    name, mark, value = parameter.partition("=")
    if value and value != MASK:
        long_state = len(value) >= _LONG_STATE and name.lower() == "state"
        if long_state or names_a_secret(name) or _tells_secret(value):
            value = MASK
    return f"{MASK if _tells_secret(name) else name}{mark}{value}"


def _tells_secret(value: str) -> bool:
    if len(value) < _SHORTEST_TELLING and value.isalnum():
        return False
    for _ in range(3):
        if _looks_secret(value) or any(names_a_secret(m[1]) and m[2] != MASK for m in _PAIR.finditer(value)):
            return True
        if (decoded := unquote(value)) == value:
            return False
        value = decoded
    return unquote(value) != value


def _looks_secret(value: str) -> bool:
    if "//" in value and any(match[0] != f"//{MASK}@" for match in re.finditer(r"//[^/?#]*@", value)):
        return True
    return bool(_JWT.search(value)) or any(_is_mixed(run) for run in _RUN.findall(value)) or _has_plain_blob(value)


def _is_mixed(run: str) -> bool:
    return bool(re.search("[a-z]", run) and re.search("[A-Z]", run) and re.search("[0-9]", run))


def _has_plain_blob(value: str) -> bool:
    """A long run of letters and digits: hexadecimal, base 32 or base 36."""
    return any(re.search("[0-9]", run) and re.search("[A-Za-z]", run) for run in _PLAIN_RUN.findall(value))


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
