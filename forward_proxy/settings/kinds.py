"""What may a setting say?  Each kind turns one text into one value, or into None, and says what it expected.

The settings file, the environment and the flags all hand over text, so a word means the same wherever it stands and
`off` never becomes false on the way.  Sizes are bytes, durations seconds.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from forward_proxy.matching.clients import Network, read_network
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.message.fields import is_token
from forward_proxy.message.hosts import canonical_host
from forward_proxy.settings.endpoints import parse_listening, parse_resolution

_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)", re.ASCII)
_BINARY = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZES = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, **_BINARY}
_MILLISECONDS = {"ms": 1, "": 1000, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_MS = 365 * _MILLISECONDS["d"]
_MOST_WORKERS = 256


@dataclass(frozen=True, slots=True)
class Kind[T]:
    """One kind of value.

    `parse` gives None for text that is not of the kind.  `text` is a spelling that parses to the same value.  A `path`
    is relative to the file it is written in.
    """

    expected: str
    parse: Callable[[str], T | None]
    text: Callable[[T], str] = str
    path: bool = False


def words[T](choices: Mapping[str, T], expected: str | None = None) -> Kind[T]:
    """The kind of these words in any case; a value is spelled by the first word that means it."""
    spelling = {value: word for word, value in reversed(list(choices.items()))}
    return Kind(expected or " or ".join(choices), lambda text: choices.get(text.lower()), spelling.__getitem__)


def _size(text: str) -> int | None:
    return _quantity(text, _SIZES)


def _positive_size(text: str) -> int | None:
    return _size(text) or None


def _size_text(size: int) -> str:
    for unit, factor in reversed(_BINARY.items()):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def _duration(text: str) -> float | None:
    milliseconds = _quantity(text, _MILLISECONDS)
    return milliseconds / 1000 if milliseconds and milliseconds <= _LONGEST_MS else None


def _grace(text: str) -> float | None:
    return 0.0 if text in ("off", *(f"0{unit}" for unit in _MILLISECONDS)) else _duration(text)


def _duration_text(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    if not milliseconds:
        return "off"
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if milliseconds % _MILLISECONDS[unit] == 0)
    return f"{milliseconds // _MILLISECONDS[unit]}{unit}"


def _quantity(text: str, units: Mapping[str, int]) -> int | None:
    """A decimal number times its unit; None unless that is a whole number."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in units:
        return None
    amount = Fraction(match[1]) * units[match[2]]
    return amount.numerator if amount.denominator == 1 else None


def _fraction(text: str) -> float | None:
    return float(text) if re.fullmatch(r"0(\.[0-9]{1,9})?|1(\.0{1,9})?", text, re.ASCII) else None


def _fraction_text(fraction: float) -> str:
    return f"{fraction:.9f}".rstrip("0").rstrip(".")


def _count(text: str, most: int) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text, re.ASCII) and int(text) <= most else None


def _workers(text: str) -> int | None:
    return _cores() if text.lower() == "auto" else _count(text, _MOST_WORKERS)


def _cores() -> int:
    """Those this process may use, where the system says."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, _MOST_WORKERS)


def _network(text: str) -> Network | None:
    network = read_network(text)
    return None if isinstance(network, Unreadable) else network


def _target_field(text: str) -> str | None:
    """Cache-Control and Expires are for every cache, and take nothing's place."""
    if text.lower() in ("cache-control", "expires"):
        return None
    return text if text.isascii() and is_token(text.encode()) else None


def _path(text: str) -> Path | None:
    return Path(text) if text and "\0" not in text else None


SWITCH = words({"on": True, "off": False, "yes": True, "no": False, "true": True, "false": False}, "on or off")
SIZE = Kind("a size such as 512MiB or 1GB, or a number of bytes", _size, _size_text)
POSITIVE_SIZE = Kind("a size above zero such as 512MiB or 1GB, or a number of bytes", _positive_size, _size_text)
DURATION = Kind("a duration such as 500ms, 10s or 15m, above zero and at most 365d", _duration, _duration_text)
GRACE = Kind("a duration such as 30s or 1h, at most 365d, or off", _grace, _duration_text)
FRACTION = Kind("a number from 0 to 1 such as 0.1", _fraction, _fraction_text)
DAYS = Kind("a number of days from 1 to 36500", lambda text: _count(text, 36500))
WORKERS = Kind(f"a number of processes from 1 to {_MOST_WORKERS}, or auto for one per core", _workers)
PORT = Kind("a port from 1 to 65535", lambda text: _count(text, 65535))
LISTENING = Kind("HOST:PORT or https://HOST:PORT, an IPv6 address in brackets", parse_listening)
HOST = Kind("a host name or an address, without a port", canonical_host)
RESOLUTION = Kind("HOST:PORT:ADDRESS, an IPv6 address in brackets", parse_resolution)
NETWORK: Kind[Network] = Kind("an address or a network such as 192.168.0.0/16, no bits set past the prefix", _network)
TARGET_FIELD = Kind("the name of a field for some caches, such as CDN-Cache-Control", _target_field)
FILE = Kind("the path of a file", _path, path=True)
FOLDER = Kind("the path of a folder", _path, path=True)
