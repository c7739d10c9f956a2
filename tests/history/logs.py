"""Policies of a few rules, and rows of a log, for the tests of this folder."""

import textwrap
from pathlib import Path
from typing import Any

from forward_proxy import caching
from forward_proxy.access.options import Options
from forward_proxy.history.past import Row
from forward_proxy.policy.state import State
from forward_proxy.rulefiles import compiled

AT = 1_795_000_000
FILE = "rules/a.yaml"
DEFAULT = "no rule matched; the default is allow"


def state(rules: str, **more: Any) -> State:
    """The state with these rules in one file."""
    loaded = compiled(((FILE, textwrap.dedent(rules).encode()),), "UTC", more.pop("default", "allow"))
    options = Options(), caching.Options()
    return State(loaded.access, *options, loaded.anonymity, loaded.inspect, tracking=loaded.tracking, **more)


def row(target: str, **changes: Any) -> Row:
    """A request that was let through by default, unless told otherwise."""
    host = target.partition("://")[2].partition("/")[0].partition(":")[0] or target.partition(":")[0]
    usual: dict[str, Any] = {
        "started_at": float(AT),
        "client": "127.0.0.1",
        "method": "GET",
        "target": target,
        "host": host,
        "outcome": "fwd=uri-miss",
        "verdict": "allowed",
        "rule": None,
        "rule_id": None,
        "reason": DEFAULT,
        "content_type": "text/html",
        "resource": "other",
        "page": None,
        "error": None,
        "status": 200,
        "exchanges": 1,
        "user": "ada",
        "listener": 8080,
    }
    return Row(**(usual | changes))


def denied(target: str, name: str, line: int = 2, **changes: Any) -> Row:
    """A request that the rule of this id denied."""
    return row(
        target,
        verdict="denied",
        outcome="denied",
        rule=f"{FILE}:{line}",
        rule_id=name,
        reason="",
        status=403,
        **changes,
    )


def tunnel(target: str, **changes: Any) -> Row:
    return row(target, method="CONNECT", outcome="tunnel", content_type=None, resource=None, **changes)


def written(path: Path, rules: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(rules))
    return path
