"""Is the client's copy still the one?  RFC 9110 §13, and entity tags of §8.8.3.

Only the two preconditions a cache may judge are here, If-None-Match and If-Modified-Since, in the precedence of
§13.2.2.  What cannot be parsed never makes a 304: the client then gets the content, which is always right.
"""

import re
from dataclasses import dataclass
from typing import Literal

from forward_proxy.message.dates import parse_date
from forward_proxy.message.fields import FieldSection

# An entity tag knows no escapes: a backslash is an ordinary character of it, and so is a comma.
_TAG = rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")'
_ONE_TAG = re.compile(_TAG)
_LIST_MEMBER = re.compile(rb"[ \t]*+(?:" + _TAG + rb")?[ \t]*+(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class EntityTag:
    """A validator of one representation; `opaque` has its quotation marks."""

    opaque: bytes
    weak: bool = False

    def __bytes__(self) -> bytes:
        return b"W/" + self.opaque if self.weak else self.opaque

    def strongly_matches(self, other: "EntityTag") -> bool:
        """§8.8.3.2: equal, and neither is weak."""
        return not self.weak and not other.weak and self.opaque == other.opaque

    def weakly_matches(self, other: "EntityTag") -> bool:
        """§8.8.3.2: equal but for weakness."""
        return self.opaque == other.opaque


def parse_entity_tag(value: bytes) -> EntityTag | None:
    """The one entity tag that ETag holds; None when it is not one."""
    match = _ONE_TAG.fullmatch(value.strip(b" \t"))
    return EntityTag(match[2], match[1] is not None) if match else None


def parse_if_none_match(value: bytes) -> Literal["*"] | tuple[EntityTag, ...]:
    """The entity tags of If-None-Match, or `*`; none at all when any part is malformed.  Never raises."""
    if value.strip(b" \t") == b"*":
        return "*"
    tags, at = [], 0
    while at < len(value):
        match = _LIST_MEMBER.match(value, at)
        if match is None:
            return ()
        if match[2] is not None:
            tags.append(EntityTag(match[2], match[1] is not None))
        at = match.end()
    return tuple(tags)


def not_modified(conditions: FieldSection, etag: EntityTag | None, modified_at: int | None, now: int) -> bool:
    """Whether a GET or HEAD whose answer would be a 200 with these validators gets a 304 instead (§13.2.2).

    `modified_at` is POSIX seconds; `now` only tells the century of a two-digit year.
    """
    if (wanted := conditions.get(b"if-none-match")) is not None:
        tags = parse_if_none_match(wanted)
        return tags == "*" or (etag is not None and any(etag.weakly_matches(tag) for tag in tags))
    if (since := conditions.get(b"if-modified-since")) is None or modified_at is None:
        return False
    # Two lines make a list, which is no date, so that the field is ignored as §13.1.3 demands.
    since_at = parse_date(since.strip(b" \t"), now)
    return since_at is not None and modified_at <= since_at
