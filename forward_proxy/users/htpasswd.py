"""What does an htpasswd file say?  A line for each user, `name:hash`, with bcrypt as the only hash.

The other hashes that such files may have (crypt, `$apr1$`, `{SHA}`, plain text) are cheap to try passwords on, or cut
them short: a line with one of them is refused and says how to make another.  A line that is refused proves nobody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.users import read_user
from forward_proxy.message.basic import normal

MAX_BYTES = 4 << 20
# What bcrypt is given of a password; it knows no more of it.
LONGEST_PASSWORD_BYTES = 72
# 2^10 rounds take some 50 ms, and each step doubles; 17 is the most that Apache's htpasswd makes.
LEAST_COST, MOST_COST = 5, 17

# 128 bits of salt in 22 characters: the last one has two bits of it, and bcrypt fails on others.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_OTHERS = (
    ("$apr1$", "MD5 (apr1)"),
    ("$1$", "MD5"),
    ("$5$", "SHA-256 crypt"),
    ("$6$", "SHA-512 crypt"),
    ("$2x$", "a faulty bcrypt"),
    ("{SHA}", "SHA-1"),
)


@dataclass(frozen=True, slots=True)
class Users:
    """The hash of each user by name, and a line for whatever was refused."""

    hashes: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    faults: tuple[str, ...] = ()


def read_users(content: bytes, file: str) -> Users:
    """The users of a file, named for its faults.  Never raises."""
    if len(content) > MAX_BYTES:
        return Users({}, (f"{file}: larger than {MAX_BYTES} bytes",))
    hashes: dict[str, bytes] = {}
    lines: dict[str, int] = {}
    faults: list[str] = []
    for number, raw in enumerate(content.split(b"\n"), 1):
        line = raw.rstrip(b"\r")
        if not line.strip() or line.startswith(b"#"):
            continue
        read = _read_line(line)
        if isinstance(read, Unreadable):
            faults.append(f"{file}:{number}: {read.text}")
        elif read[0] in lines:
            # Which of them is meant cannot be known, and one may be what was to be revoked.
            faults.append(f"{file}:{number}: {read[0]} stands in line {lines[read[0]]} already; neither counts")
            hashes.pop(read[0], None)
        else:
            lines[read[0]], hashes[read[0]] = number, read[1]
    return Users(hashes, tuple(faults))


def with_user(content: bytes, name: str, hashed: bytes) -> bytes:
    """The file with this line in place of those that the name had, or at its end."""
    line = name.encode() + b":" + hashed
    lines = _lines(content)
    places = [place for place, each in enumerate(lines) if _name_of(each) == name]
    kept = [each for place, each in enumerate(lines) if place not in places[1:]]
    if places:
        kept[places[0]] = line
    else:
        kept.append(line)
    return b"\n".join((*kept, b""))


def without_user(content: bytes, name: str) -> bytes | None:
    """The file without the lines that the name had; None when it had none."""
    lines = _lines(content)
    kept = [each for each in lines if _name_of(each) != name]
    return None if len(kept) == len(lines) else b"\n".join((*kept, b""))


def _lines(content: bytes) -> list[bytes]:
    return content.rstrip(b"\r\n").split(b"\n") if content.strip() else []


def _name_of(line: bytes) -> str | None:
    name, colon, _ = line.partition(b":")
    return normal(name.decode("utf-8", "replace")) if colon and not line.startswith(b"#") else None


def _read_line(line: bytes) -> tuple[str, bytes] | Unreadable:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return Unreadable("not UTF-8")
    name, colon, rest = text.partition(":")
    user = read_user(name)
    if not colon:
        return Unreadable("expected NAME:HASH")
    if isinstance(user, Unreadable):
        return user
    hashed = rest.partition(":")[0]
    if (match := _BCRYPT.fullmatch(hashed)) is None:
        return Unreadable(f"{_kind_of(hashed)}, and only bcrypt counts: forward-proxy users add, or htpasswd -B")
    if not LEAST_COST <= int(match[1]) <= MOST_COST:
        return Unreadable(f"bcrypt of cost {int(match[1])}; expected {LEAST_COST} to {MOST_COST}")
    return user, hashed.encode("ascii")


def _kind_of(hashed: str) -> str:
    """What it looks like, without repeating any of it."""
    known = next((words for start, words in _OTHERS if hashed.startswith(start)), None)
    return f"the hash is {known}" if known else "the hash is none that is known here, or no hash at all"
