"""What the operator decides about the traffic log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`log_secrets` keeps what `redaction` would mask; `queue_records` bounds what waits for a slow or full disk."""

    log_secrets: bool = False
    keep_days: int = 30
    max_bytes: int = 512 * 1024 * 1024
    queue_records: int = 10_000
