"""Which part of a representation is asked for?  RFC 9110 §14.1.2, §14.2, §13.1.5.

One range of bytes is understood; several, other units and what cannot be parsed are not, and a recipient may ignore
what it does not understand.  Positions are counted from 0.
"""

import re
from dataclasses import dataclass

from forward_proxy.message.fields import FieldSection
from forward_proxy.message.preconditions import EntityTag, parse_entity_tag

_ONE_RANGE = re.compile(rb"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*", re.IGNORECASE)


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
        return b"bytes %d-%d/%d" % (self.first, self.first + self.length - 1, self.whole)


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte of a representation of `whole` bytes is asked for (§15.5.17)."""

    whole: int

    @property
    def content_range(self) -> bytes:
        return b"bytes */%d" % self.whole


def one_range(fields: FieldSection) -> ByteRange | None:
    """The one range that Range names; None when there is none, or another kind of range.  Never raises."""
    match = _ONE_RANGE.fullmatch(fields.get(b"range") or b"")
    if match is None:
        return None
    first, last, suffix = (None if digits is None else int(digits) for digits in match.groups())
    if first is not None and last is not None and last < first:
        return None  # Invalid, and so ignored (§14.1.2).
    return ByteRange(first, last) if first is not None else ByteRange(None, suffix)


def part_of(wanted: ByteRange, whole: int) -> Part | Unsatisfiable:
    """What of a representation of so many bytes is asked for."""
    if wanted.first is None:
        length = min(wanted.last or 0, whole)
        return Part(whole - length, length, whole) if length else Unsatisfiable(whole)
    if wanted.first >= whole:
        return Unsatisfiable(whole)
    last = whole - 1 if wanted.last is None else min(wanted.last, whole - 1)
    return Part(wanted.first, last - wanted.first + 1, whole)


def if_range_holds(value: bytes, etag: EntityTag | None, last_modified: bytes | None, *, date_is_strong: bool) -> bool:
    """Whether the representation is the one the client has a part of (§13.1.5): the tag strongly, or the date exactly.

    `date_is_strong` is whether Last-Modified is a strong validator (§8.8.2.2).
    """
    value = value.strip(b" \t")
    if (tag := parse_entity_tag(value)) is not None:
        return etag is not None and tag.strongly_matches(etag)
    return date_is_strong and last_modified is not None and value == last_modified.strip(b" \t")
