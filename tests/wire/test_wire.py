"""No octets make two requests out of one, go unanswered, or pass half understood, whichever driver reads them."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from forward_proxy.policy import Policy
from tests.addons.engine import Running, running_engine
from tests.policy.building import policy

from .corpus import CORPUS, NAMES_TO_SPLIT, Odd, get
from .ends import WITHIN_S, Client, Origin, running_origin

type Start = Callable[[Policy, Path], AbstractContextManager[Running]]

DRIVERS: dict[str, Start] = {"addons": running_engine, "fastlane": partial(running_engine, fast_lane=True)}
SPLIT = [odd for odd in CORPUS if odd.name in NAMES_TO_SPLIT]
SMUGGLED = get().replace(b"ORIGIN/", b"ORIGIN/smuggled")
BEFORE = get().replace(b"ORIGIN/", b"ORIGIN/before")
AFTER = get().replace(b"ORIGIN/", b"ORIGIN/after")


@pytest.fixture(params=DRIVERS)
def start(request: pytest.FixtureRequest) -> Start:
    """Runs a proxy with this driver; the records are complete when it has ended."""
    return DRIVERS[request.param]


@pytest.fixture
def origin() -> Iterator[Origin]:
    with running_origin() as origin:
        yield origin


def test_names_are_unique() -> None:
    assert len({odd.name for odd in CORPUS}) == len(CORPUS)
    assert len(SPLIT) == len(NAMES_TO_SPLIT)


@pytest.mark.parametrize("odd", CORPUS, ids=str)
def test_odd_octets(odd: Odd, start: Start, origin: Origin, tmp_path: Path) -> None:
    with start(policy(tmp_path), tmp_path) as proxy:
        with Client(proxy.port) as client:
            client.send(named(odd.octets, origin))
            finish(odd, client, origin)
        settle(odd, proxy, origin)
    expect(odd, origin, proxy)


@pytest.mark.parametrize("odd", SPLIT, ids=str)
def test_octets_that_come_one_by_one(odd: Odd, start: Start, origin: Origin, tmp_path: Path) -> None:
    with start(policy(tmp_path), tmp_path) as proxy:
        with Client(proxy.port) as client:
            for octet in named(odd.octets, origin):
                client.send(bytes((octet,)))
            finish(odd, client, origin)
        settle(odd, proxy, origin)
    expect(odd, origin, proxy)


@pytest.mark.parametrize("odd", SPLIT, ids=str)
def test_octets_that_come_in_two_parts(odd: Odd, start: Start, origin: Origin, tmp_path: Path) -> None:
    """At every boundary: the first part comes with a request before it, whose answer tells that both have been read."""
    octets, before = named(odd.octets, origin), named(BEFORE, origin)
    with start(policy(tmp_path), tmp_path) as proxy:
        for at in range(1, len(octets)):
            with Client(proxy.port) as client:
                client.send(before + octets[:at])
                assert client.reader.response().content == b"GET /before HTTP/1.1"
                client.send(octets[at:])
                finish(odd, client, origin)
        settle(odd, proxy, origin, times=len(octets) - 1, besides=1)
    expect(odd, origin, proxy, times=len(octets) - 1, besides=1)


def named(octets: bytes, origin: Origin) -> bytes:
    """With the origin in place of its names."""
    port = b"%d" % origin.port
    return octets.replace(b"ORIGIN", b"127.0.0.1:" + port).replace(b"PORT", port)


def finish(odd: Odd, client: Client, origin: Origin) -> None:
    """Read the answers, and hold the connection to what it must be after them."""
    if odd.half_closes:
        client.half_close()
    elif odd.closes:
        client.send(named(SMUGGLED, origin))
    for number, status in enumerate(odd.answers):
        if odd.abandoned and client.reader.ends():
            break
        answer = client.reader.response(with_content=number > 0 or not odd.octets.startswith(b"HEAD "))
        assert int(answer.start[1]) == status
    if odd.closes:
        assert client.reader.ends()
    else:
        client.send(named(AFTER, origin))
        assert client.reader.response().content == b"GET /after HTTP/1.1"


def records(odd: Odd, times: int, besides: int) -> range:
    """How many there may be: one for each answer, and for each other exchange on the connection."""
    most = len(odd.answers) + (not odd.closes) + besides
    return range(times * (min(1, most) if odd.abandoned else most), times * most + 1)


def settle(odd: Odd, proxy: Running, origin: Origin, times: int = 1, besides: int = 0) -> None:
    """Wait for the last record, which may come after the last answer, and for the proxy to let go of the origin."""
    until, least = time.monotonic() + WITHIN_S, records(odd, times, besides).start
    while (len(proxy.records) < least or origin.connections) and time.monotonic() < until:
        time.sleep(0.005)
    assert origin.connections == 0


def expect(odd: Odd, origin: Origin, proxy: Running, times: int = 1, besides: int = 0) -> None:
    """Hold the origin and the log to what they may have seen, once the proxy has ended."""
    assert origin.odd == []
    seen = [request for request in origin.requests if request.start[2] not in (b"/before", b"/after")]
    assert len(seen) == times * odd.sent or (odd.abandoned and len(seen) < odd.sent)
    for request in seen:
        assert b"smuggled" not in request.start[0]
        assert request.values(b"host") == [named(b"ORIGIN", origin)]
    sent = b"".join(request.octets.lower() + request.content.lower() for request in seen)
    for octets in odd.seen:
        assert named(octets, origin) in sent
    for octets in odd.unseen:
        assert octets not in sent
    assert len(proxy.records) in records(odd, times, besides)
