"""A budget through both drivers: what counts as use, that it runs out, and that what runs on ends with it.

The clock that use is counted by is the test's, some minutes behind the one that decisions are made by.
"""

import asyncio
import base64
import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import pytest

from forward_proxy import caching
from forward_proxy.access.budgets import Account
from forward_proxy.access.options import Options
from forward_proxy.policy import Policy, State
from forward_proxy.rulefiles import compiled, load
from forward_proxy.storage.budgets import BudgetStore
from forward_proxy.workers.budgets import UseOfBudgets
from forward_proxy.workers.rules import RulesInForce
from tests.addons.engine import Origin, Running, running_engine, running_origin
from tests.drivers.scenarios import request, response

pytestmark = pytest.mark.parametrize("fast_lane", [False, True], ids=["lane-off", "lane-on"])

WITHIN_S = 20
MINUTES = 3
CHUNK = b"x" * 200_000
PAGE = "Accept: text/html"


@dataclass
class Proxied:
    """An engine, and what it counts by a clock that the test moves."""

    running: Running
    used: UseOfBudgets
    store: BudgetStore
    rules: RulesInForce
    clock: list[float] = field(default_factory=list)

    def pass_minute(self) -> None:
        """Settle near the end of this minute, and be in the next one."""
        self.settle()
        self.clock[0] += 60

    def settle(self) -> None:
        asyncio.run_coroutine_threadsafe(self.used.settle(), self.running.loops[0]).result(WITHIN_S)

    @property
    def minutes(self) -> int:
        """How many this machine has used."""
        self.settle()
        usage = self.store.usage(self.rules.rules.access.budgets.values(), int(self.clock[0]))
        found = usage.accounts.get(Account("games", "127.0.0.1"))
        return found.minutes if found else 0

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.running.port), timeout=WITHIN_S)


@contextmanager
def proxied(folder: Path, fast_lane: bool, *ports: int) -> Iterator[Proxied]:
    """A proxy that gives 127.0.0.1 three minutes a day, in a day that began twelve hours ago."""
    resets = (datetime.now(UTC) - timedelta(hours=12)).strftime("%H:%M")
    (folder / "rules").mkdir()
    (folder / "rules" / "a.yaml").write_text(
        f"rules: [{{id: games, action: deny, match: {{host: 127.0.0.1}}, reason: Enough,"
        f' budget: {{minutes: {MINUTES}, resets: "{resets}", zone: UTC}}}}]'
    )
    clock = [time() // 60 * 60 - 20 * 60]
    store = BudgetStore(folder / "budgets")
    store.start()
    used = UseOfBudgets(store, lambda: clock[0])
    options = Options(connect_ports=frozenset((443, *ports)))
    in_force = RulesInForce(
        load([folder / "rules"]),
        lambda rules, grants: Policy(State(rules.access.granted(grants), options, caching.Options())),
        lambda sources, _: compiled(sources),
        used=used,
    )
    with running_engine(in_force(), folder, fast_lane=fast_lane, meter=used, in_force=in_force) as running:
        yield Proxied(running, used, store, in_force, clock)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with running_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsmall"[:-1]) as running:
        yield running


def status(answer: bytes) -> bytes:
    return answer.split(b" ", 2)[1]


def test_pages_use_it_up_and_the_denial_says_so(tmp_path: Path, fast_lane: bool, origin: Origin) -> None:
    with proxied(tmp_path, fast_lane) as proxy:
        url = f"http://127.0.0.1:{origin.port}/"
        for minute in range(MINUTES):
            assert status(proxy.running.exchange(request(url, PAGE))) == b"200"
            assert status(proxy.running.exchange(request(url, PAGE))) == b"200"
            assert proxy.minutes == minute + 1
            proxy.pass_minute()
        answer = proxy.running.exchange(request(url, PAGE))
        assert status(answer) == b"403"
        assert b"Enough: 3 of 3 minutes used today, more " in answer
        proxy.running.records.wait_for(2 * MINUTES + 1)
    last = proxy.running.records[-1]
    assert (last.verdict, last.rule_id) == ("denied", "games")
    assert re.fullmatch(r"Enough: 3 of 3 minutes used today, more (tomorrow )?at [0-9:]{5}", last.reason or "")


def test_what_polls_in_the_background_uses_nothing(tmp_path: Path, fast_lane: bool, origin: Origin) -> None:
    with proxied(tmp_path, fast_lane) as proxy:
        for _ in range(2 * MINUTES):
            for _ in range(3):
                answer = proxy.running.exchange(request(f"http://127.0.0.1:{origin.port}/poll", "Accept: */*"))
                assert status(answer) == b"200"
            proxy.pass_minute()
        assert proxy.minutes == 0


def test_what_is_answered_from_the_store_and_from_memory_is_use(tmp_path: Path, fast_lane: bool) -> None:
    with proxied(tmp_path, fast_lane) as proxy:
        fresh = ("Cache-Control", "max-age=3600")
        for name, content in (("page", b"page"), ("film", CHUNK)):
            stored, octets = response(f"http://127.0.0.1/{name}", fresh, content=content)
            staging = proxy.running.store.stage(stored)
            assert staging is not None
            staging.write(octets)
            assert staging.commit() is not None
        proxy.running.store.flush()
        for minute, asked in enumerate((("page", PAGE), ("film", "Accept: */*"), ("page", PAGE)), 1):
            for _ in range(3):
                answer = proxy.running.exchange(request(f"http://127.0.0.1/{asked[0]}", asked[1]))
                assert status(answer) == b"200"
                assert b"forward-proxy; hit" in answer
            assert proxy.minutes == minute
            proxy.pass_minute()
        assert status(proxy.running.exchange(request("http://127.0.0.1/page", PAGE))) == b"403"
        proxy.store.give(proxy.rules.rules.access.budgets["games"], "127.0.0.1", 15, int(proxy.clock[0]))
        assert status(proxy.running.exchange(request("http://127.0.0.1/page", PAGE))) == b"200"


def received(sock: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (chunk := sock.recv(1 << 16)):
        got += chunk
    return got


def rest(sock: socket.socket) -> bytes:
    """What comes to the end, whichever way that comes."""
    got = b""
    try:
        while chunk := sock.recv(1 << 20):
            got += chunk
    except ConnectionError:
        pass
    return got


def run_out(proxy: Proxied, client: socket.socket, origin: socket.socket, chunk: bytes = CHUNK) -> None:
    """Have as much pass in each minute as makes it count, until there is none left."""
    for minute in range(MINUTES):
        origin.sendall(chunk)
        assert received(client, len(chunk)) == chunk
        assert proxy.minutes == minute + 1
        proxy.pass_minute()
    proxy.settle()
    assert rest(client) == b""


def head_of(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    return head


def cut_record(proxy: Proxied) -> None:
    """The only record says what ended it."""
    assert proxy.running.records.wait_for(1)
    (record,) = proxy.running.records
    assert (record.verdict, record.rule_id, record.error) == ("allowed", "games", "http_request_denied")
    assert (record.reason or "").startswith("Enough: 3 of 3 minutes used today, more ")
    assert record.error_detail == f"cut: {record.reason}"
    assert record.response_bytes >= MINUTES * len(CHUNK)


@pytest.mark.parametrize("framing", [b"Content-Length: 100000000\r\n", b""])
def test_a_download_ends_when_it_runs_out(tmp_path: Path, fast_lane: bool, framing: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, proxied(tmp_path, fast_lane) as proxy:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/film.mp4"
        with proxy.connected() as client:
            client.sendall(request(url))
            origin, _ = server.accept()
            with origin:
                head_of(origin)
                origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n%b\r\n" % framing)
                head = head_of(client)
                if b"chunked" in head:
                    for _ in range(MINUTES):
                        origin.sendall(CHUNK)
                        received(client, len(CHUNK))
                        proxy.pass_minute()
                    proxy.settle()
                    assert not rest(client).endswith(b"0\r\n\r\n")
                else:
                    run_out(proxy, client, origin)
        cut_record(proxy)
        assert status(proxy.running.exchange(request(url))) == b"403"


def test_a_large_stored_response_ends_when_it_runs_out(tmp_path: Path, fast_lane: bool) -> None:
    with proxied(tmp_path, fast_lane) as proxy:
        stored, _ = response("http://127.0.0.1/film", ("Cache-Control", "max-age=3600"), content=CHUNK * 500)
        staging = proxy.running.store.stage(stored)
        assert staging is not None
        for _ in range(500):
            staging.write(CHUNK)
        assert staging.commit() is not None
        proxy.running.store.flush()
        with proxy.connected() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.sendall(request("http://127.0.0.1/film"))
            head_of(client)
            got = 0
            for minute in range(MINUTES):
                got += len(received(client, 20_000_000))
                assert proxy.minutes == minute + 1
                proxy.pass_minute()
            proxy.settle()
            assert got + len(rest(client)) < 500 * len(CHUNK)
        cut_record(proxy)


def test_a_tunnel_that_is_not_opened_ends_when_it_runs_out(tmp_path: Path, fast_lane: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with proxied(tmp_path, fast_lane, port) as proxy, proxy.connected() as client:
            client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port))
            assert head_of(client).startswith(b"HTTP/1.1 200")
            client.sendall(b"\x00\x01first")
            origin, _ = server.accept()
            with origin:
                assert received(origin, 7) == b"\x00\x01first"
                run_out(proxy, client, origin)
                assert rest(origin) == b""
            cut_record(proxy)


def test_a_websocket_ends_when_it_runs_out(tmp_path: Path, fast_lane: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, proxied(tmp_path, fast_lane) as proxy:
        port = server.getsockname()[1]
        lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        key = base64.b64encode(b"k" * 16).decode()
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        with proxy.connected() as client:
            client.sendall(request(f"http://127.0.0.1:{port}/", *lines, f"Sec-WebSocket-Key: {key}", last=False))
            origin, _ = server.accept()
            with origin:
                head_of(origin)
                upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %b\r\n" % accept
                origin.sendall(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % upgrade)
                assert head_of(client).startswith(b"HTTP/1.1 101")
                frame = b"\x82\x7f" + len(CHUNK).to_bytes(8, "big") + CHUNK
                for minute in range(MINUTES):
                    origin.sendall(frame)
                    assert received(client, len(frame)) == frame
                    assert proxy.minutes == minute + 1
                    proxy.pass_minute()
                proxy.settle()
                assert len(rest(client)) < 100  # A close frame at most.
        cut_record(proxy)
