"""A real engine in a thread and a real origin beside it, for tests that put a fault inside."""

import asyncio
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from forward_proxy.addons.authority import LeafStore
from forward_proxy.addons.dialing import Dialer
from forward_proxy.addons.dialing import Options as DialOptions
from forward_proxy.addons.driver import Driver
from forward_proxy.addons.engine import Engine, Options
from forward_proxy.addons.granting import Wishes
from forward_proxy.addons.handover import Handover
from forward_proxy.addons.loops import judging_loop
from forward_proxy.fastlane.lane import Lane
from forward_proxy.fastlane.lane import Options as LaneOptions
from forward_proxy.policy import Policy, Refused
from forward_proxy.policy.meter import Meter
from forward_proxy.storage.queue import Queue
from forward_proxy.storage.store import Store
from forward_proxy.termination.certificates import Certificate
from forward_proxy.termination.front import Listening
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.recurring import Recurring
from forward_proxy.users.proofs import Proofs

_WITHIN_S = 20


@dataclass
class Origin:
    """Answers every request with the same bytes, as soon as it `may`, and keeps what it was sent."""

    answer: bytes
    port: int = 0
    may: Callable[[bytes], object] = lambda _: None
    received: list[bytes] = field(default_factory=list)


class Records(list[Record]):
    """Records in the order they are told, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._told = threading.Condition()

    def append(self, record: Record) -> None:
        with self._told:
            super().append(record)
            self._told.notify_all()

    def wait_for(self, count: int) -> bool:
        """Whether there are so many, now or soon."""
        with self._told:
            return self._told.wait_for(lambda: len(self) >= count, _WITHIN_S)


@dataclass
class Running:
    """`policy` is the one in force, also when it is replaced."""

    policy: Policy
    records: Records
    store: Store
    folder: Path
    queue: Queue
    port: int = 0
    lanes: list[Lane] = field(default_factory=list)
    loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)
    driver: Driver = field(init=False)

    def tick(self, times: int) -> None:
        """Let so many ticks of the lane's clock pass."""

        async def tick() -> None:
            for _ in range(times):
                self.lane.look_after()

        asyncio.run_coroutine_threadsafe(tick(), self.loops[0]).result(_WITHIN_S)

    def look_later(self, now: float) -> None:
        """Have the queue looked after at this time, POSIX seconds, once all that was told it is written."""

        async def look() -> None:
            later = self.driver.asking.later
            await later.written()
            await later.look(now)

        asyncio.run_coroutine_threadsafe(look(), self.loops[0]).result(_WITHIN_S)

    @property
    def lane(self) -> Lane:
        (lane,) = self.lanes
        return lane

    def exchange(self, request: bytes) -> bytes:
        """What comes back on a connection of its own, until it closes or nothing more is owed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_WITHIN_S) as sock:
            sock.sendall(request)
            received = b""
            while chunk := sock.recv(65536):
                received += chunk
            return received


def kept_status(sock: socket.socket, request: bytes) -> bytes:
    """The status of one exchange on a connection that stays open; the answer has a length."""
    sock.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        received = sock.recv(65536)
        assert received, head
        head += received
    head, _, content = head.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(content) < length:
        content += sock.recv(65536)
    return head.split(b" ", 2)[1]


@dataclass
class Told:
    """A log that keeps what it is told."""

    records: list[Record]

    def record(self, record: Record) -> None:
        self.records.append(record)

    def recurred(self, recurring: Recurring, started_at: float, ended_at: float) -> None:
        self.records.append(replace(recurring.record, started_at=started_at, first_byte_at=ended_at, ended_at=ended_at))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def running_origin(answer: bytes, port: int = 0) -> Iterator[Origin]:
    origin = Origin(answer)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head and (chunk := self.request.recv(65536)):
                head += chunk
            origin.received.append(head)
            origin.may(head)
            self.request.sendall(origin.answer)

    with _Server(("127.0.0.1", port), Handler) as server:
        origin.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield origin
        server.shutdown()
        serving.join()


@contextmanager
def running_engine(
    policy: Policy,
    folder: Path,
    *,
    fast_lane: bool = False,
    authority: LeafStore | None = None,
    idle_timeout_s: int = 600,
    collapse_wait_s: float = 5.0,
    trust_file: Path | None = None,
    wishes: Wishes | None = None,
    meter: Meter | None = None,
    in_force: Callable[[], Policy] | None = None,
    proofs: Proofs | None = None,
    remember: Callable[[Refused], None] = lambda refused: None,
    certificate: Certificate | None = None,
) -> Iterator[Running]:
    """An engine on a free port that serves until the block ends, with the fast lane before it or without.

    With a `certificate` it is reached by TLS.  `in_force` gives policies in place of the one that is told.
    """
    store = Store(folder / "responses")
    store.start(check=False)
    running = Running(policy, Records(), store, folder, Queue(folder / "queue"))
    asked = in_force or (lambda: running.policy)
    driver = Driver(
        asked,
        store,
        running.records.append,
        running.queue,
        collapse_wait_s,
        wishes,
        meter=meter,
        proofs=proofs,
        remember=remember,
    )
    running.driver = driver

    def lane(handover: Handover) -> Lane:
        made = Lane(asked, store, Told(running.records), handover, LaneOptions(), meter, proofs, remember)
        running.lanes.append(made)
        return made

    engine = Engine(
        Options((Listening("127.0.0.1", 0, certificate),), trust_file, idle_timeout_s),
        driver,
        authority,
        lane if fast_lane else None,
    )
    ready = threading.Event()

    def loop() -> asyncio.AbstractEventLoop:
        return judging_loop(Dialer(DialOptions({}), lambda address, port, client: None))

    def serve() -> None:
        def told(bound: list[Listening]) -> None:
            running.port = bound[0].port
            running.loops.append(asyncio.get_running_loop())
            ready.set()

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(engine.run(told))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(_WITHIN_S)
        yield running
    finally:
        engine.stop()
        thread.join(_WITHIN_S)
        store.close()
