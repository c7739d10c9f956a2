"""Tunnels between real sockets, on each event loop: by readers and writers, and by transports alone."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from forward_proxy.addons.dialing import Dialer, Options
from forward_proxy.addons.loops import FastLoop, JudgingLoop
from forward_proxy.addons.relay import Relay, Side, TunnelCount

MIB = 1 << 20
WITHIN_S = 30
type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Virtual:
    """A writer that is none of asyncio's, before one that is; `detach` gives the transport away if it may."""

    def __init__(self, writer: asyncio.StreamWriter, *, gives: bool) -> None:
        self._writer = writer
        self._gives = gives

    def __getattr__(self, name: str) -> Any:
        assert name in ("write", "drain", "close", "is_closing", "write_eof", "get_extra_info")
        return getattr(self._writer, name)

    def detach(self) -> asyncio.WriteTransport | None:
        return self._writer.transport if self._gives else None


WRITERS: dict[str, Callable[[asyncio.StreamWriter], Any]] = {
    "transports": lambda writer: writer,
    "given-away": lambda writer: Virtual(writer, gives=True),
    "not-given-away": lambda writer: Virtual(writer, gives=False),
}


@dataclass
class Tunnel:
    """Both far ends of a tunnel, its relay, and the tasks that pump it."""

    client: Streams
    origin: Streams
    relay: Relay
    count: TunnelCount
    near: list[asyncio.StreamWriter]
    pumps: list[asyncio.Task[None]]
    active: list[int] = field(default_factory=list)

    async def through(self) -> None:
        """One octet each way: from here on whoever moves the bytes has been found."""
        for _ in range(2):
            for (_, writer), (reader, _) in ((self.client, self.origin), (self.origin, self.client)):
                writer.write(b"x")
                assert await reader.readexactly(1) == b"x"


@asynccontextmanager
async def tunnel(kind: str) -> AsyncIterator[Tunnel]:
    accepted: asyncio.Queue[Streams] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: accepted.put_nowait(streams), "127.0.0.1", 0)
    loop = asyncio.get_running_loop()

    async def pair() -> tuple[Streams, Streams]:
        # By socket: `create_connection` of these loops would ask the Dialer.
        import socket

        sock = socket.create_connection(server.sockets[0].getsockname())
        sock.setblocking(False)
        far = await asyncio.open_connection(sock=sock)
        return far, await accepted.get()

    client, (client_reader, client_writer) = await pair()
    origin, (origin_reader, origin_writer) = await pair()
    count, active = TunnelCount(), [0]

    def note() -> None:
        active[0] += 1

    sides = Side(client_reader, WRITERS[kind](client_writer)), Side(origin_reader, origin_writer)
    relay = Relay(*sides, count, note)
    pumps = [loop.create_task(relay.pump(from_client=side)) for side in (True, False)]
    try:
        async with asyncio.timeout(WITHIN_S):
            yield Tunnel(client, origin, relay, count, [client_writer, origin_writer], pumps, active)
    finally:
        for pump in pumps:
            pump.cancel()
        for writer in (client_writer, origin_writer, client[1], origin[1]):
            writer.transport.abort()
        server.close()
        await asyncio.gather(*pumps, return_exceptions=True)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    kind: Any = JudgingLoop if request.param == "asyncio" else FastLoop
    if kind is None:
        pytest.skip("uvloop is not installed")

    def run_in_loop(test: Any) -> None:
        def loop() -> asyncio.AbstractEventLoop:
            made: asyncio.AbstractEventLoop = kind()
            made.dialer = Dialer(Options({}), lambda address, port, client: None)  # type: ignore[attr-defined]
            return made

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(test)

    return run_in_loop


type Run = Callable[[Awaitable[None]], None]
every_kind = pytest.mark.parametrize("kind", WRITERS)


@every_kind
def test_transports_take_over_where_both_are_to_be_had(run: Run, kind: str) -> None:
    async def test() -> None:
        async with tunnel(kind) as one:
            await one.through()
            assert one.relay.by_transports is (kind != "not-given-away")

    run(test())


@every_kind
def test_much_goes_both_ways_at_once_and_every_byte_is_counted(run: Run, kind: str) -> None:
    async def test() -> None:
        sent = {True: os.urandom(3 * MIB + 1), False: os.urandom(5 * MIB + 3)}

        async with tunnel(kind) as one:

            async def send(streams: Streams, content: bytes) -> None:
                for start in range(0, len(content), 100_001):
                    streams[1].write(content[start : start + 100_001])
                    await streams[1].drain()
                streams[1].write_eof()

            _, _, at_origin, at_client = await asyncio.gather(
                send(one.client, sent[True]), send(one.origin, sent[False]), one.origin[0].read(), one.client[0].read()
            )
            await asyncio.gather(*one.pumps)
            assert [hashlib.sha256(got).digest() for got in (at_origin, at_client)] == [
                hashlib.sha256(sent[side]).digest() for side in (True, False)
            ]
            assert (one.count.from_client_bytes, one.count.from_origin_bytes) == (3 * MIB + 1, 5 * MIB + 3)
            assert one.count.first_byte_at is not None
            assert one.active[0] > 1

    run(test())


@every_kind
@pytest.mark.parametrize("first", ["client", "origin"])
def test_one_direction_goes_on_when_the_other_has_ended(run: Run, kind: str, first: str) -> None:
    async def test() -> None:
        async with tunnel(kind) as one:
            await one.through()
            ends, goes_on = (one.client, one.origin) if first == "client" else (one.origin, one.client)
            ends[1].write(b"the last of it")
            ends[1].write_eof()
            assert await goes_on[0].read() == b"the last of it"
            goes_on[1].write(b"still here" * 50_000)
            assert await ends[0].readexactly(500_000) == b"still here" * 50_000
            assert not any(pump.done() for pump in one.pumps)
            goes_on[1].write_eof()
            assert await ends[0].read() == b""
            await asyncio.gather(*one.pumps)

    run(test())


@every_kind
@pytest.mark.parametrize("lost", ["client", "origin"])
def test_the_tunnel_is_over_when_one_side_is_lost(run: Run, kind: str, lost: str) -> None:
    async def test() -> None:
        async with tunnel(kind) as one:
            await one.through()
            (one.client if lost == "client" else one.origin)[1].transport.abort()
            (one.origin if lost == "client" else one.client)[1].write_eof()
            await asyncio.gather(*one.pumps)

    run(test())


@every_kind
@pytest.mark.parametrize("slow", ["client", "origin"])
def test_a_side_that_does_not_read_stops_the_other_from_sending(run: Run, kind: str, slow: str) -> None:
    """What is on its way is bounded: the proxy's buffers, and those of the four sockets."""

    async def test() -> None:
        async with tunnel(kind) as one:
            await one.through()
            reads, sends = (one.client, one.origin) if slow == "client" else (one.origin, one.client)
            reads[1].transport.pause_reading()  # type: ignore[attr-defined]
            before = one.count.from_client_bytes + one.count.from_origin_bytes
            sends[1].write(bytes(64 * MIB))
            passed = -1
            while (
                passed != (passed := one.count.from_client_bytes + one.count.from_origin_bytes - before) or not passed
            ):
                await asyncio.sleep(0.2)  # Until nothing moves any more.
            waiting = sum(writer.transport.get_write_buffer_size() for writer in one.near)
            assert passed < 32 * MIB
            assert 0 < waiting < MIB
            reads[1].transport.resume_reading()  # type: ignore[attr-defined]
            assert len(await reads[0].readexactly(64 * MIB)) == 64 * MIB

    run(test())


def test_what_readers_hold_goes_before_what_transports_read(run: Run) -> None:
    """Much comes in pieces before the pumps begin, and more while they do."""

    async def test() -> None:
        content = os.urandom(2 * MIB)
        async with tunnel("transports") as one:
            for start in range(0, len(content), 10_007):
                one.client[1].write(content[start : start + 10_007])
            one.client[1].write_eof()
            assert await one.origin[0].read() == content
            assert one.relay.by_transports

    run(test())


def test_a_reader_says_when_it_has_ended() -> None:
    """`relay` must know, and asyncio tells it nowhere else."""

    async def test() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"x")
        assert reader._eof is False  # type: ignore[attr-defined]
        reader.feed_eof()
        assert reader._eof is True  # type: ignore[attr-defined]

    asyncio.run(test())
