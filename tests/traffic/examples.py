"""Records to log, and a log of them, for the tests of this folder."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from forward_proxy.traffic.options import Options
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.writer import Writer

NOW = 1_795_300_000.0  # 2026-11-21T22:26:40Z
EXAMPLE = Record(
    started_at=NOW - 60,
    first_byte_at=NOW - 59.9,
    ended_at=NOW - 59.5,
    client="192.0.2.7",
    method="GET",
    target="https://www.example.com/logo.png",
    host="www.example.com",
    outcome="hit",
    status=200,
    content_type="image/png",
    response_bytes=2048,
    cache="hit",
)


def example(**changes: object) -> Record:
    return replace(EXAMPLE, **changes)  # type: ignore[arg-type]  # the tests name fields


def logged(folder: Path, records: Iterable[Record], options: Options | None = None) -> None:
    """Writes the records as the log's thread would."""
    writer = Writer(folder, options or Options())
    writer.write(list(records), NOW)
    writer.close()
