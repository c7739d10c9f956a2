"""What do imported rules say?  Written, loaded as any rule file, and asked."""

from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address

from forward_proxy.access.rules import Denied
from forward_proxy.importing.carried import Imported
from forward_proxy.importing.writing import rule_file
from forward_proxy.rulefiles import Rules, compiled
from tests.matching.requests import subject

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # A Monday.


@lru_cache(maxsize=8)
def _compiled(text: str) -> Rules:
    return compiled((("rules/40.yaml", text.encode()),), "UTC")


def loaded(imported: Imported) -> Rules:
    return _compiled(rule_file(imported, "A test"))


def denies(
    imported: Imported, url: str, *, method: str = "GET", client: str = "127.0.0.1", at: datetime = NOON
) -> bool:
    seen = subject(url, method, client=ip_address(client), at=int(at.timestamp()))
    return isinstance(loaded(imported).access.decide(seen), Denied)


def left(imported: Imported) -> dict[str, str]:
    """Why each line that was not carried was not."""
    return {line.place: line.detail for line in imported.lines if line.outcome == "not carried"}


def carried(imported: Imported) -> dict[str, str]:
    return {line.place: line.detail for line in imported.lines if line.outcome == "carried"}
