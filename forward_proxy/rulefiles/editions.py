"""What is one edition of a list made of?  Its own content, and that of all it includes.

    !#include more.txt      in an adblock list, where no condition around it is false

A path leads on from the file that names it: below its folder, or at its origin.  Depth, number and size are bounded,
and what is there already is not taken in again, so that lists that include each other come to an end.  What cannot be
had is told and left out.

An edition of a URL is kept as one file, so that a list and what it includes are taken and held as one: its content as
it came, or else the line below, names and lengths of the parts as JSON, and the parts one after the other.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forward_proxy.access.filters import includes_in
from forward_proxy.access.lists.formats import FILTERS, format_of, is_web_page
from forward_proxy.access.lists.reading import lines_of
from forward_proxy.message.targets import Malformed, parse_target_uri, resolved
from forward_proxy.rulefiles.listentries import ListEntry

MAX_INCLUDES = 32
MAX_DEPTH = 5
MAX_BYTES = 256 * 1024 * 1024
_MAGIC = b"forward-proxy edition 1\n"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A list, or a part of one, that cannot be used, and why; of several lists, `place` is which."""

    reason: str
    place: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The content of one file or URL, and its SHA-256."""

    name: str
    content: bytes
    digest: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "Part":
        return cls(name, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Include:
    """A line of a part that includes another: the part, the line, the path; where it leads, or why not there."""

    by: str
    line: int
    path: str
    name: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Edition:
    """A list in a format, the list itself being the first part; `includes` in the order of parts and lines."""

    format: str
    parts: tuple[Part, ...]
    includes: tuple[Include, ...] = ()


# From the name of a part and a path in it to the name of what that leads to, and what tells it from any other.
type Follow = Callable[[str, str], tuple[str, str] | Unusable]
type Read = Callable[[str], bytes | Unusable]


def edition(entry: ListEntry, content: bytes, read: Read, max_bytes: int = MAX_BYTES) -> Edition | Unusable:
    """The list with this content and what it includes, as `read` finds it by name."""
    if is_web_page(content):
        return Unusable("is a web page, not a list")
    told = format_of(content) if entry.format == "auto" else entry.format
    if told is None:
        return Unusable("its format cannot be told; name it by format" if content.strip() else "is empty")
    if told not in FILTERS:
        return Edition(told, (Part.of(entry.name, content),))
    follow = _of_url if entry.path is None else _of_file(entry.path.parent)
    itself = entry.name if entry.path is None else str(entry.path.resolve())
    return _Gathering(told, follow, read, max_bytes).of(entry.name, itself, content)


def kept_edition(entry: ListEntry, octets: bytes) -> Edition | Unusable:
    """The edition that was kept as one file."""
    parts = parts_of(entry.name, octets)
    if parts is None:
        return Unusable("its copy is damaged")
    there = {part.name: part.content for part in parts}
    return edition(entry, parts[0].content, lambda name: there.get(name, Unusable("could not be fetched")))


def as_one_file(parts: Sequence[Part]) -> bytes:
    """These parts as they are kept."""
    if len(parts) == 1 and not parts[0].content.startswith(_MAGIC):
        return parts[0].content
    told = json.dumps([[part.name, len(part.content)] for part in parts]).encode()
    return b"".join((_MAGIC, told, b"\n", *(part.content for part in parts)))


def parts_of(name: str, octets: bytes) -> tuple[Part, ...] | None:
    """The parts of what was kept as one file, the list of this name first; None when it is damaged."""
    if not octets.startswith(_MAGIC):
        return (Part.of(name, octets),)
    told, _, contents = octets[len(_MAGIC) :].partition(b"\n")
    try:
        lengths = [(str(part), int(length)) for part, length in json.loads(told)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    parts, at = [], 0
    for part, length in lengths:
        if not 0 <= length <= len(contents) - at:
            return None
        parts.append(Part.of(part, contents[at : at + length]))
        at += length
    return tuple(parts) if parts and at == len(contents) and parts[0].name == name else None


class _Gathering:
    """Reads what includes lead to, the nearest first."""

    def __init__(self, told: str, follow: Follow, read: Read, max_bytes: int) -> None:
        self._format = told
        self._follow = follow
        self._read = read
        self._left = max_bytes
        self._parts: dict[str, Part] = {}
        self._includes: list[Include] = []

    def of(self, name: str, itself: str, content: bytes) -> Edition:
        self._left -= len(content)
        self._parts[itself] = Part.of(name, content)
        level = [self._parts[itself]]
        for depth in range(MAX_DEPTH + 1):
            level = [part for each in level for part in self._named_in(each, depth)]
        return Edition(self._format, tuple(self._parts.values()), tuple(self._includes))

    def _named_in(self, part: Part, depth: int) -> list[Part]:
        found = []
        for line, path in includes_in(lines_of(part.content)) if b"!#include" in part.content else ():
            if len(self._includes) > MAX_INCLUDES * 2:
                break  # What is wrong with it has been told often enough.
            taken = self._taken(part.name, path, depth)
            if isinstance(taken, Unusable):
                self._includes.append(Include(part.name, line, path, problem=taken.reason))
                continue
            self._includes.append(Include(part.name, line, path, taken.name))
            found.append(taken)
        return found

    def _taken(self, by: str, path: str, depth: int) -> Part | Unusable:
        leads = self._follow(by, path)
        if isinstance(leads, Unusable):
            return leads
        name, itself = leads
        if itself in self._parts:
            return Unusable("is included already")
        if depth == MAX_DEPTH:
            return Unusable(f"more than {MAX_DEPTH} lists that include each other")
        if len(self._parts) > MAX_INCLUDES:
            return Unusable(f"more than {MAX_INCLUDES} lists are included")
        content = self._read(name)
        if isinstance(content, Unusable):
            return content
        if len(content) > self._left:
            return Unusable("too large together with the rest")
        self._left -= len(content)
        self._parts[itself] = Part.of(name, content)
        return self._parts[itself]


def _of_url(by: str, path: str) -> tuple[str, str] | Unusable:
    """The URL that a path leads to, at the origin of the one that names it."""
    base = parse_target_uri(by)
    if isinstance(base, Malformed):
        return Unusable(base.reason)
    target = resolved(base, path.encode("utf-8", "surrogateescape"))
    if isinstance(target, Malformed):
        return Unusable(target.reason)
    if (target.scheme, target.host, target.port) != (base.scheme, base.host, base.port):
        return Unusable("leads to another origin")
    return str(target), str(target)


def _of_file(folder: Path) -> Follow:
    """The file that a path leads to, below the folder of the list, wherever links lead."""

    def follow(by: str, path: str) -> tuple[str, str] | Unusable:
        if not path or "\0" in path or "://" in path:
            return Unusable("expected a path that starts at the folder of this file")
        leads = Path(by).parent / path
        try:
            itself = leads.resolve()
        except (OSError, RuntimeError):
            return Unusable("leads in circles")
        if not itself.is_relative_to(folder.resolve()):
            return Unusable("leads out of the folder of the list")
        return str(leads), str(itself)

    return follow
