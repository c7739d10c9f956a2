"""What a cache holds: keys and stored responses.  RFC 9111 §2.

A stored response is complete, its fields are as they went to the client on first delivery (after the anonymity edits,
without the fields of one connection), and its times are POSIX seconds by this machine's clock.
"""

from dataclasses import dataclass

from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import TargetUri


@dataclass(frozen=True, slots=True)
class CacheKey:
    """The primary key: request method and target URI.  A HEAD is looked up under GET (§4.3.5)."""

    method: str
    target: TargetUri

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One stored response without its content.

    `request_fields` are the request's fields that `Vary` names, as sent towards the origin (§4.1).  `request_at` and
    `response_at` are the request_time and response_time of §4.2.3.  `id` and `content_bytes` are the storage's; they
    are "" and 0 until it has adopted the response.  `pinned` is the operator's wish that it be evicted last.
    `stale_from`, POSIX seconds, is a soft purge: from then on it is stale whatever its lifetime, until the origin
    confirms it.
    """

    key: CacheKey
    status: int
    fields: FieldSection
    request_fields: FieldSection
    request_at: int
    response_at: int
    id: str = ""
    content_bytes: int = 0
    pinned: bool = False
    stale_from: int | None = None
