"""What the operator sets about the store, and what the store tells of itself.  Sizes are bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MIB = 1 << 20

# What can go wrong without anybody being answered wrongly; each is counted under its name.
type Fault = Literal[
    "look-up",  # the index did not answer a read
    "damaged-row",  # a row that no commit of ours could have made
    "damaged-content",  # content whose length or digest is not the row's
    "damaged-index",  # the index was moved aside and begun anew
    "disk-full",  # no room on disk, or the reserve would be touched
    "queue-full",  # the writer is too far behind
    "write",  # the index did not take a write
    "removed",  # what was being stored had been removed meanwhile
]


@dataclass(frozen=True, slots=True)
class Options:
    """Bounds of one store.

    `size_limit_bytes` covers index and content files; `reserve_bytes` is what stays free on the disk whatever that
    limit says.  Content up to `inline_bytes` lives in the index, longer content in a file of its own; content longer
    than `max_content_bytes` is not stored.  `retry_s` is how long the store stays read-only after the disk was full.
    """

    size_limit_bytes: int = 1024 * MIB
    reserve_bytes: int = 128 * MIB
    max_content_bytes: int = 256 * MIB
    inline_bytes: int = 32 << 10
    max_per_key: int = 16
    queue_limit: int = 256
    retry_s: int = 5


@dataclass(frozen=True, slots=True)
class Stats:
    """The store at one moment; `size_bytes` counts as `Options.size_limit_bytes` does."""

    count: int
    size_bytes: int
    size_limit_bytes: int
    free_bytes: int
    read_only: bool
    faults: Mapping[Fault, int]
