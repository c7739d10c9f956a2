"""Builds the small policies and requests that the tests of this folder and of the drivers ask about."""

import textwrap
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from forward_proxy import caching
from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.policy import Policy, State
from forward_proxy.rulefiles import load

LOCAL = KnownClient(ip_address("127.0.0.1"))
NOW = 1_795_000_000


def policy(folder: Path, rules: str = "", **state: Any) -> Policy:
    """A policy with this rule file and otherwise the defaults."""
    (folder / "rules.yaml").write_text(textwrap.dedent(rules), encoding="utf-8")
    loaded = load([folder], zone="UTC")
    given: dict[str, Any] = {
        "access": loaded.access,
        "access_options": AccessOptions(),
        "caching_options": caching.Options(),
        "anonymity": loaded.anonymity,
        "inspect": loaded.inspect,
        "origin_via": loaded.origin_via,
        "safe_search": loaded.safe_search,
        "cache": loaded.cache,
        "tracking": loaded.tracking,
        "pac": loaded.pac,
    }
    return Policy(State(**given | state))


def request(url: str, method: str = "GET", has_content: bool = False, **fields: str) -> RequestHead:
    target = parse_target_uri(url)
    assert isinstance(target, TargetUri)
    return RequestHead(method, target, section(**fields), has_content)


def response(status: int = 200, **fields: str) -> ResponseHead:
    return ResponseHead(status, section(**fields))


def section(**fields: str) -> FieldSection:
    return FieldSection((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
