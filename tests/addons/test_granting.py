"""A page of our own through a real engine: what a press does, what the log tells, and what a fault becomes."""

import re
import time
from html import unescape
from ipaddress import ip_network
from pathlib import Path

import pytest

from forward_proxy.access.grants import spelled
from forward_proxy.policy import Policy
from forward_proxy.policy.unblocking import Unblocking
from forward_proxy.storage.grants import GrantStore
from tests.policy.building import policy

from .engine import Running, running_engine

OWN = "http://forward-proxy.invalid"
HERE = (ip_network("127.0.0.1/32"),)


@pytest.fixture
def unblocking(tmp_path: Path) -> Policy:
    return policy(tmp_path, unblocking=Unblocking(HERE, key=b"key"))


def press(engine: Running) -> bytes:
    """Open the page, press its first button, and have what comes back."""
    host = "Host: forward-proxy.invalid\r\nConnection: close\r\n"
    page = engine.exchange(f"GET {OWN}/?url=http%3A%2F%2Fa.test%2F HTTP/1.1\r\n{host}\r\n".encode())
    action = unescape(re.findall(r'formaction="([^"]+)"', page.decode())[0])
    fields = f"{host}Origin: {OWN}\r\nContent-Length: 10\r\n"
    return engine.exchange(f"POST {action} HTTP/1.1\r\n{fields}\r\ndo=unblock".encode())


@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_press_is_in_force_before_it_is_answered(unblocking: Policy, tmp_path: Path, fast_lane: bool) -> None:
    store = GrantStore(tmp_path / "grants")
    with running_engine(unblocking, tmp_path, fast_lane=fast_lane, wishes=store) as engine:
        answer = press(engine)
        (grant,) = store.kept(int(time.time())).grants.newest_first
        assert engine.records.wait_for(2)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Unblocked" in answer
    assert grant.target is not None
    assert (spelled(grant.target), str(grant.client), grant.until - grant.since) == ("a.test", "127.0.0.1/32", 900)
    assert [(record.method, record.outcome, record.origin) for record in engine.records] == [
        ("GET", "page", None), ("POST", "page", None)
    ]  # fmt: skip


def test_what_cannot_be_kept_is_told(unblocking: Policy, tmp_path: Path) -> None:
    store = GrantStore(tmp_path / "grants")
    store.start()
    store.path.write_bytes(b"no database" * 1000)
    with running_engine(unblocking, tmp_path, wishes=store) as engine:
        answer = press(engine)
        assert engine.records.wait_for(2)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"Unblocked" not in answer
    assert (engine.records[1].outcome, engine.records[1].error) == ("error", "proxy_internal_error")
