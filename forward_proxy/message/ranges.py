"""Which part of a representation is asked for?  RFC 9110 §14.1.2, §14.2, §13.1.5.

Ranges of bytes are understood; other units and what is invalid are not, and a recipient may ignore what it does not
understand.  Positions are counted from 0.

Many ranges can make a small request cost much (§17.15): more than MOST_RANGES are ignored, which §14.2 allows, and
those that overlap or touch are made one, so that no byte is sent twice (§15.3.7.2).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from forward_proxy.message.fields import FieldSection, list_members
from forward_proxy.message.preconditions import EntityTag, parse_entity_tag

MOST_RANGES = 32

_BYTES = re.compile(rb"bytes=", re.IGNORECASE)
_CONTENT_RANGE = re.compile(rb"bytes[ \t]+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_ONE_RANGE = re.compile(rb"([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`first` to `last`, None for the end; with `first` None the last `last` bytes."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """`length` bytes, at least one, from `first` on, of a representation that has `whole` bytes."""

    first: int
    length: int
    whole: int

    @property
    def content_range(self) -> bytes:
        """The field value of a 206 (§14.4)."""
        return b"bytes %d-%d/%d" % (self.first, self.end - 1, self.whole)

    @property
    def end(self) -> int:
        """The position after the last byte."""
        return self.first + self.length


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte of a representation of `whole` bytes is asked for (§15.5.17)."""

    whole: int

    @property
    def content_range(self) -> bytes:
        return b"bytes */%d" % self.whole


def byte_ranges(fields: FieldSection) -> tuple[ByteRange, ...] | None:
    """The ranges that Range names, none when they are too many; None when it names none of bytes.  Never raises."""
    value = fields.get(b"range") or b""
    if (unit := _BYTES.match(value)) is None:
        return None
    if value.count(b",") >= MOST_RANGES:
        return ()
    ranges = []
    for spec in list_members(value[unit.end() :]):
        match = _ONE_RANGE.fullmatch(spec)
        if match is None:
            return None
        first, last, suffix = (None if digits is None else int(digits) for digits in match.groups())
        if first is not None and last is not None and last < first:
            return None  # Invalid, and with it the whole field (§14.1.1).
        ranges.append(ByteRange(first, last) if first is not None else ByteRange(None, suffix))
    return tuple(ranges) or None


def parts_of(wanted: Sequence[ByteRange], whole: int) -> tuple[Part, ...] | Unsatisfiable:
    """What of a representation of so many bytes is asked for: parts that do not touch, in the order asked for."""
    parts: list[Part] = []
    for each in wanted:
        if (part := _part_of(each, whole)) is not None:
            _add(parts, part)
    return tuple(parts) if parts or not wanted else Unsatisfiable(whole)


def content_range(fields: FieldSection) -> Part | None:
    """The part that Content-Range says was sent; None when it names none, or no length of the whole.  Never raises."""
    match = _CONTENT_RANGE.fullmatch((fields.get(b"content-range") or b"").strip(b" \t"))
    if match is None:
        return None
    first, last, whole = map(int, match.groups())
    return Part(first, last - first + 1, whole) if first <= last < whole else None


def if_range_holds(value: bytes, etag: EntityTag | None, last_modified: bytes | None, *, date_is_strong: bool) -> bool:
    """Whether the representation is the one the client has a part of (§13.1.5): the tag strongly, or the date exactly.

    `date_is_strong` is whether Last-Modified is a strong validator (§8.8.2.2).
    """
    value = value.strip(b" \t")
    if (tag := parse_entity_tag(value)) is not None:
        return etag is not None and tag.strongly_matches(etag)
    return date_is_strong and last_modified is not None and value == last_modified.strip(b" \t")


def _part_of(wanted: ByteRange, whole: int) -> Part | None:
    if wanted.first is None:
        length = min(wanted.last or 0, whole)
        return Part(whole - length, length, whole) if length else None
    if wanted.first >= whole:
        return None
    last = whole - 1 if wanted.last is None else min(wanted.last, whole - 1)
    return Part(wanted.first, last - wanted.first + 1, whole)


def _add(parts: list[Part], part: Part) -> None:
    """Put it at the end, or together with all it touches at the place of the first of these."""
    touched = [other for other in parts if other.first <= part.end and part.first <= other.end]
    if not touched:
        parts.append(part)
        return
    first = min(part.first, *(other.first for other in touched))
    end = max(part.end, *(other.end for other in touched))
    parts[parts.index(touched[0])] = Part(first, end - first, part.whole)
    for other in touched[1:]:
        parts.remove(other)
