"""What could not be had is fetched once it can be."""

import socket
import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.addons.later import LONGEST_WAIT_S, LOOK_S, is_due
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import NO_FIELDS
from forward_proxy.message.targets import TargetUri
from forward_proxy.storage.queue import Queued
from tests.addons.engine import Running, running_engine, running_origin
from tests.policy.building import policy

TARGET = TargetUri("http", "site.example", 80, "/")
WAITING = Queued(TARGET, NO_FIELDS, KnownClient(ip_address("127.0.0.1")), 1000, "dns_error")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\nok"
STALE = ANSWER.replace(b"max-age=60", b'max-age=0\r\nETag: "x"')


@pytest.mark.parametrize(
    ("tries", "waited_s", "answered_at", "due"),
    [
        (0, LOOK_S, 0, True),
        (0, LOOK_S - 1, 0, False),
        (3, LOOK_S * 8, 0, True),
        (3, LOOK_S * 8 - 1, 0, False),
        (3, LOOK_S, 1001, True),  # The network is back.
        (3, LOOK_S, 999, False),
        (60, LONGEST_WAIT_S, 0, True),
    ],
)
def test_when_to_try_again(tries: int, waited_s: float, answered_at: float, due: bool) -> None:
    assert is_due(replace(WAITING, tries=tries), 1000 + waited_s, answered_at) is due


@pytest.mark.parametrize(
    ("waited_s", "answered_at", "due"), [(59, 0, False), (60, 0, True), (LOOK_S, 1061, True), (LOOK_S, 1059, False)]
)
def test_what_nobody_can_reach_is_tried_ever_less_often(waited_s: float, answered_at: float, due: bool) -> None:
    assert is_due(replace(WAITING, tried_at=1060), 1060 + waited_s, answered_at) is due


def ask(running: Running, port: int, *, method: bytes = b"GET") -> bytes:
    request = b"%b http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
    return running.exchange(request % (method, port, port))


@pytest.mark.parametrize("fast_lane", [False, True])
def test_it_waits_in_the_queue_and_is_stored_when_it_comes(tmp_path: Path, fast_lane: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with running_engine(policy(tmp_path), tmp_path, fast_lane=fast_lane) as running:
        assert b"once it can be reached" in ask(running, port)
        assert ask(running, port, method=b"POST").startswith(b"HTTP/1.1 502")
        running.look_later(time.time() + LOOK_S)
        assert running.records.wait_for(3)
        (queued,) = running.queue.entries()
        assert queued.error == "connection_refused"
        with running_origin(ANSWER, port) as origin:
            running.look_later(time.time() + 10 * LONGEST_WAIT_S)
            assert running.records.wait_for(4)
            assert ask(running, port).endswith(b"ok")
        assert len(origin.received) == 1
        background = [str(record.cache_detail).startswith("in the background, ") for record in running.records]
        assert background[:4] == [False, False, True, True]
        running.look_later(time.time())
    assert running.queue.entries() == []


def test_it_is_fetched_clean_and_nobody_is_led_anywhere(tmp_path: Path) -> None:
    door = policy(tmp_path, "tracking: [{ id: labels, action: remove, parameters: utm_*, match: {} }]")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    asked = (
        f"GET http://127.0.0.1:{port}/?utm_id=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Accept: text/html\r\nConnection: close\r\n\r\n"
    ).encode()
    with running_engine(door, tmp_path) as running:
        statuses = [running.exchange(asked).split()[1] for _ in range(2)]  # Led away, and back for it.
        with running_origin(ANSWER, port) as origin:
            running.look_later(time.time() + 10 * LONGEST_WAIT_S)
            assert running.records.wait_for(3)
            assert ask(running, port).endswith(b"ok")
        assert [request.split()[1] for request in origin.received] == [b"/"]
    assert statuses == [b"307", b"502"]
    assert running.records[2].cleaned == ("utm_id",)


def test_what_is_forced_offline_is_queued_too_and_tried_again_and_again(tmp_path: Path) -> None:
    with running_engine(policy(tmp_path, offline=True), tmp_path, fast_lane=True) as running:
        assert ask(running, 9).startswith(b"HTTP/1.1 504")
        for tries in range(1, 20):
            running.look_later(time.time() + LONGEST_WAIT_S)
            assert running.records.wait_for(1 + tries)
    assert [queued.target.port for queued in running.queue.entries()] == [9]


@pytest.mark.parametrize("fast_lane", [False, True])
def test_what_is_stored_answers_offline_and_the_log_says_so(tmp_path: Path, fast_lane: bool) -> None:
    with running_origin(STALE) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        assert ask(running, origin.port).endswith(b"ok")
    with running_engine(policy(tmp_path, offline=True), tmp_path, fast_lane=fast_lane) as running:
        assert ask(running, origin.port).endswith(b"ok")
        (record,) = running.records
    said = record.outcome, record.cache, record.cache_detail
    assert said == ("stale", "fwd=stale", "offline, so that the origin is not asked")
