"""Each worker decides by what any of them has written down, from its next decision on."""

import asyncio
import logging
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy import caching
from forward_proxy.access.grants import Grants
from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Inspect, Policy, Refused, State, Tunnel
from forward_proxy.policy.refusals import PassingThrough, Refusal
from forward_proxy.rulefiles import Rules, compiled
from forward_proxy.storage.refusals import RefusalStore
from forward_proxy.workers.refusals import RefusalsInForce
from forward_proxy.workers.rules import RulesInForce

NOW = 1_795_000_000
CLIENT = ip_address("192.0.2.7")
CA = Path("forward-proxy-ca.pem")


class Worker:
    def __init__(self, folder: Path, clock: Callable[[], float] = lambda: NOW) -> None:
        self.refused = RefusalsInForce(RefusalStore(folder), CA, clock)
        self.in_force = RulesInForce(
            Rules(), self.made, lambda sources, pins: compiled(sources, pins=pins), refused=self.refused
        )

    def made(self, rules: Rules, grants: Grants) -> Policy:
        passing = PassingThrough(self.refused.in_force, 60)
        return Policy(State(rules.access, AccessOptions(), caching.Options(), passing_through=passing))

    def opens(self, host: str) -> bool:
        decision = self.in_force().on_hello((host,), 443, KnownClient(CLIENT), NOW)
        assert isinstance(decision, Inspect | Tunnel)
        return isinstance(decision, Inspect)

    def remember(self, *hosts: str) -> None:
        refusals = tuple(Refusal(CLIENT, host, "unknown_ca", NOW, NOW + 60) for host in hosts)

        async def remember() -> None:
            self.refused.remember(Refused(refusals, ""))
            await asyncio.gather(*self.refused.writing)

        asyncio.run(remember())


def test_all_workers_know_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, two = Worker(tmp_path), Worker(tmp_path)
    assert one.opens("a.test")
    assert two.opens("a.test")
    one.remember("a.test")
    assert not one.opens("a.test")
    assert not two.opens("a.test")
    assert two.opens("b.test")
    RefusalStore(tmp_path).forget("a.test")
    assert one.opens("a.test")
    assert two.opens("a.test")


def test_the_hint_comes_once_for_a_client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(tmp_path)
    worker.remember("a.test")
    worker.remember("b.test")
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "192.0.2.7 refused the certificate for a.test: such hosts pass unread for it from the next try on. To have "
        "them opened, let it trust forward-proxy-ca.pem, then run: forward-proxy inspect forget --all"
    ]


def test_the_policy_stays_the_same_while_nothing_changes(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    policy = worker.in_force()
    RefusalStore(tmp_path).forget("a.test")
    assert worker.in_force() is policy


def test_what_cannot_be_read_is_not_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = [float(NOW)]
    worker = Worker(tmp_path, lambda: now[0])
    worker.remember("a.test")
    assert not worker.opens("a.test")
    store = RefusalStore(tmp_path)
    kept = store.path.read_bytes()
    store.path.write_bytes(b"damaged" * 500)
    with pytest.raises(Exception, match="not a database"):
        store.kept(NOW)
    again = Worker(tmp_path, lambda: now[0])
    assert again.opens("a.test")
    assert "TLS is opened for all" in caplog.text
    store.path.write_bytes(kept)
    now[0] += 2
    assert not again.opens("a.test")
