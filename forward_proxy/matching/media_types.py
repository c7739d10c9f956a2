"""Is the response, or what the request sends or asks for, of one of these media types?  RFC 9110 §8.3.1 and §12.5.1.

Parameters are ignored, case does not count.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.subject import Subject

_MEDIA_RANGE = re.compile(r"[!#$%&'+\-.^_`|~0-9A-Za-z]+/(\*|[!#$%&'+\-.^_`|~0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class ContentTypes:
    """The key `content_type`; unknown until the response is here."""

    ranges: frozenset[str]
    key: ClassVar[str] = "content_type"
    needs_response: ClassVar[bool] = True

    @classmethod
    def of(cls, ranges: Sequence[str]) -> "ContentTypes":
        return cls(frozenset(ranges))

    def holds(self, subject: Subject) -> bool | None:
        if subject.content_type is None:
            return None
        return _is_in(essence(subject.content_type), self.ranges)


@dataclass(frozen=True, slots=True)
class RequestTypes:
    """The key `request_type`: what the request sends, or names in Accept; not known of a tunnel."""

    ranges: frozenset[str]
    key: ClassVar[str] = "request_type"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, ranges: Sequence[str]) -> "RequestTypes":
        return cls(frozenset(ranges))

    def holds(self, subject: Subject) -> bool | None:
        if subject.request_types is None:
            return None
        told = subject.request_types.lower()
        if not any(each.removesuffix("*") in told for each in self.ranges):
            return False  # Asked of every request: mostly nothing needs to be taken apart.
        return any(_is_in(essence(value), self.ranges) for value in told.split(","))


def _is_in(media_type: str, ranges: frozenset[str]) -> bool:
    return media_type in ranges or f"{media_type.partition('/')[0]}/*" in ranges


def essence(value: str) -> str:
    """Type and subtype in lower case, without parameters; "" when there is none."""
    return value.partition(";")[0].strip().lower()


def read_media_range(text: str) -> str | Unreadable:
    if not _MEDIA_RANGE.fullmatch(text):
        return Unreadable(f"expected a media type such as text/html or image/*, not {text}")
    return text.lower()
