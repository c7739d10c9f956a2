"""Field sections.  RFC 9110 §5.

Names are lower-case bytes, values bytes as received; the order of lines with one name is kept, because it carries
meaning (§5.3).  A section never changes: an edit makes a new one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

type FieldLine = tuple[bytes, bytes]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_COMMA_OR_QUOTED = re.compile(rb',|"(?:[^"\\]|\\.)*+("?)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Edits:
    """Changes to a field section, as data: every line named in `drop` or `set` goes, then `set` is added."""

    set: tuple[FieldLine, ...] = ()
    drop: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.set or self.drop)

    def __or__(self, other: "Edits") -> "Edits":
        """This edit and then the other: what the other sets or drops wins."""
        if not (self.set or self.drop):
            return other
        if not (other.set or other.drop):
            return self
        later = {name for name, _ in other.set} | other.drop
        kept = tuple(line for line in self.set if line[0] not in later)
        return Edits(kept + other.set, (self.drop | other.drop) - {name for name, _ in other.set})


NO_EDITS = Edits()


class FieldSection:
    """Field lines in the order received, with look-up by lower-case name."""

    __slots__ = ("_by_name", "lines")

    def __init__(self, lines: Iterable[FieldLine] = ()) -> None:
        self.lines: tuple[FieldLine, ...] = tuple([(name.lower(), value) for name, value in lines])
        self._by_name: dict[bytes, list[bytes]] | None = None  # Made for the first look-up: not every section has one.

    def get(self, name: bytes) -> bytes | None:
        """The combined value of all lines with this name, joined by comma and space (§5.3); None when absent."""
        values = (self._by_name or self._index()).get(name)
        return None if values is None else values[0] if len(values) == 1 else b", ".join(values)

    def get_all(self, name: bytes) -> tuple[bytes, ...]:
        """Each line's value, uncombined; empty when absent."""
        return tuple((self._by_name or self._index()).get(name, ()))

    def text(self, name: bytes) -> str:
        """The combined value as Latin-1 text; empty when absent."""
        value = self.get(name)
        return "" if value is None else value.decode("latin-1")

    def edited(self, edits: Edits) -> "FieldSection":
        """This section after the edits; itself when there are none."""
        if not edits:
            return self
        gone = edits.drop | {name for name, _ in edits.set} if edits.set else edits.drop
        return FieldSection([line for line in self.lines if line[0] not in gone] + list(edits.set))

    def names(self) -> frozenset[bytes]:
        return frozenset(self._by_name or self._index())

    def __contains__(self, name: bytes) -> bool:
        return name in (self._by_name or self._index())

    def __iter__(self) -> Iterator[FieldLine]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSection) and self.lines == other.lines

    def __hash__(self) -> int:
        return hash(self.lines)

    def __repr__(self) -> str:
        return f"FieldSection({list(self.lines)!r})"

    def _index(self) -> dict[bytes, list[bytes]]:
        by_name: dict[bytes, list[bytes]] = {}
        for name, value in self.lines:
            if (values := by_name.get(name)) is None:
                by_name[name] = [value]
            else:
                values.append(value)
        self._by_name = by_name
        return by_name


NO_FIELDS = FieldSection()


def list_members(value: bytes) -> list[bytes]:
    """Members of a comma-separated list (§5.6.1), trimmed, empty ones left out; commas in quoted strings stay."""
    if b'"' not in value:
        return [member for part in value.split(b",") if (member := part.strip(b" \t"))]
    members, start = [], 0
    for end in (*_separators(value), len(value)):
        if member := value[start:end].strip(b" \t"):
            members.append(member)
        start = end + 1
    return members


def _separators(value: bytes) -> Iterator[int]:
    """Where commas outside quoted strings stand, in one pass: a quadratic one would be a way to stop the proxy."""
    at = 0
    while match := _COMMA_OR_QUOTED.search(value, at):
        if match[0] == b",":
            yield match.start()
        elif not match[1]:
            # A quotation mark that nothing closes stands for itself, and so does every later one.
            yield from (place for place in range(match.start(), len(value)) if value[place] == 0x2C)
            return
        at = match.end()


def is_token(value: bytes) -> bool:
    """Whether the bytes are a token (§5.6.2)."""
    return _TOKEN.fullmatch(value) is not None


# Fields about this connection alone, whether or not Connection names them: §7.6.1, and the obsolete ones still met.
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"))


def connection_options(fields: FieldSection) -> frozenset[bytes]:
    """Lower-case names that Connection declares to be about this connection alone (§7.6.1)."""
    return frozenset(option.lower() for option in list_members(fields.get(b"connection") or b""))
