"""The system's resolver is replaced here: only so can it be made to hang."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_address
from threading import Event

import pytest

from forward_proxy.addons.resolver import Addresses, Resolver, Unresolved

FOUND = (ip_address("192.0.2.1"), ip_address("2001:db8::1"))
LONG_S, SHORT_S = 20.0, 0.05


class System:
    """A resolver that finds every name at once, save those below `slow`, which wait until the test is over."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.over = Event()

    def getaddrinfo(self, host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        self.asked[host] += 1
        if host.endswith("slow"):
            self.over.wait(LONG_S)
        if host.endswith("none"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(None, None, None, "", (str(address), 0)) for address in (*FOUND, FOUND[0])]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    system = System()
    monkeypatch.setattr(socket, "getaddrinfo", system.getaddrinfo)
    yield system
    system.over.set()


def run[T](ask: Callable[[Resolver], Awaitable[T]], threads: int = 2) -> T:
    async def asked() -> T:
        return await ask(Resolver(threads))

    return asyncio.run(asked())


async def outcome(resolver: Resolver, host: str, within_s: float = LONG_S) -> Addresses | None:
    try:
        return await resolver.addresses(host, within_s)
    except TimeoutError:
        return None


def test_addresses_come_in_the_resolver_s_order_each_once(system: System) -> None:
    assert run(lambda resolver: resolver.addresses("a.test", LONG_S)) == FOUND


def test_why_there_is_none(system: System) -> None:
    assert run(lambda resolver: resolver.addresses("a.none", LONG_S)) == Unresolved("Name or service not known")


def test_what_cannot_be_asked_for_is_not_a_name() -> None:
    assert run(lambda resolver: resolver.addresses("\ud800.test", LONG_S)) == Unresolved("not a name")


def test_those_who_ask_for_one_name_share_one_look_up_and_wait_each_for_so_long(system: System) -> None:
    async def ask(resolver: Resolver) -> list[Addresses | None]:
        patient = asyncio.ensure_future(outcome(resolver, "a.slow"))
        impatient = [await outcome(resolver, "a.slow", SHORT_S) for _ in range(3)]
        system.over.set()
        return [*impatient, await patient]

    assert run(ask) == [None, None, None, FOUND]
    assert system.asked == {"a.slow": 1}


def test_nothing_is_remembered(system: System) -> None:
    async def ask(resolver: Resolver) -> None:
        for _ in range(3):
            await resolver.addresses("a.test", LONG_S)

    run(ask)
    assert system.asked == {"a.test": 3}


def test_look_ups_that_hang_leave_other_names_and_the_loop_s_own_threads_alone(system: System) -> None:
    async def ask(resolver: Resolver) -> tuple[Addresses | None, bool]:
        hanging = [asyncio.ensure_future(outcome(resolver, f"{n}.slow", SHORT_S)) for n in range(40)]
        found = await outcome(resolver, "a.test")
        in_time = await asyncio.wait_for(asyncio.to_thread(lambda: True), LONG_S)
        assert await asyncio.gather(*hanging) == [None] * 40
        return found, in_time

    assert run(ask, threads=64) == (FOUND, True)


def test_a_name_waits_for_a_thread_and_is_not_asked_for_once_nobody_wants_it(system: System) -> None:
    async def ask(resolver: Resolver) -> Addresses | None:
        hanging = [asyncio.ensure_future(outcome(resolver, f"{n}.slow")) for n in range(2)]
        await asyncio.sleep(0)  # They have both threads.
        assert await outcome(resolver, "left.test", SHORT_S) is None
        wanted = asyncio.ensure_future(outcome(resolver, "a.test"))
        await asyncio.sleep(0)
        assert system.asked["a.test"] == 0
        system.over.set()
        await asyncio.gather(*hanging)
        return await wanted

    assert run(ask) == FOUND
    assert system.asked["left.test"] == 0


def test_one_who_gives_up_does_not_spoil_it_for_the_others(system: System) -> None:
    async def ask(resolver: Resolver) -> Addresses | None:
        first, second = (asyncio.ensure_future(outcome(resolver, "a.slow")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        system.over.set()
        return await second

    assert run(ask) == FOUND


def test_the_loop_ends_at_once_while_look_ups_hang(system: System) -> None:
    began = time.monotonic()
    assert run(lambda resolver: outcome(resolver, "a.slow", SHORT_S)) is None
    assert time.monotonic() - began < LONG_S / 2
