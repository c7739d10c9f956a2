import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from forward_proxy.access.targets import Prohibited
from forward_proxy.addons.dialing import Dialer, Options
from forward_proxy.addons.loops import JudgingLoop, judging_loop
from forward_proxy.addons.ways import DialError, Dialling, Way, dialling
from forward_proxy.message.hosts import IPAddress

LOCAL = ip_address("127.0.0.1")
OTHER = ip_address("127.0.0.2")


def anything(address: IPAddress, port: int, client: IPAddress) -> Prohibited | None:
    return None


def only(allowed: IPAddress) -> object:
    def judge(address: IPAddress, port: int, client: IPAddress) -> Prohibited | None:
        return None if address == allowed else Prohibited("destination_ip_prohibited", f"{address} is not allowed")

    return judge


@contextmanager
def listening(host: str = "127.0.0.1") -> Iterator[int]:
    with socket.create_server((host, 0)) as server:
        yield server.getsockname()[1]


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def dial(dialer: Dialer, host: str, port: int, instead: str | None = None) -> str:
    """The address that was reached, through the loop as mitmproxy goes through it."""

    async def connect() -> str:
        dialling.set(Dialling(LOCAL, Way(instead)))
        _, writer = await asyncio.open_connection(host, port)
        peer: str = writer.get_extra_info("peername")[0]
        writer.close()
        await writer.wait_closed()
        return peer

    with asyncio.Runner(loop_factory=lambda: judging_loop(dialer)) as runner:
        return runner.run(connect())


def test_a_name_is_resolved_as_told_and_reached() -> None:
    with listening() as port:
        assert dial(Dialer(Options({("site.test", port): (LOCAL,)}), anything), "SITE.test.", port) == "127.0.0.1"


def test_an_address_that_refuses_leaves_the_turn_to_the_next() -> None:
    with listening() as port:
        options = Options({("site.test", port): (OTHER, LOCAL)})
        assert dial(Dialer(options, anything), "site.test", port) == "127.0.0.1"


def test_only_addresses_that_were_judged_fit_are_dialled() -> None:
    with listening("0.0.0.0") as port:
        options = Options({("site.test", port): (OTHER, LOCAL)})
        assert dial(Dialer(options, only(LOCAL)), "site.test", port) == "127.0.0.1"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "judge", "text"),
    [
        ("127.0.0.2", only(LOCAL), "destination_ip_prohibited: 127.0.0.2 is not allowed"),
        ("no-such-name.invalid", anything, "dns_error: no-such-name.invalid: "),
        ("127.0.0.1", anything, "connection_refused: Connection refused"),
        ("\ud800.test", anything, "dns_error: "),
    ],
)
def test_what_cannot_be_reached_says_why_in_the_words_of_rfc9209(host: str, judge: object, text: str) -> None:
    with pytest.raises(DialError) as caught:
        dial(Dialer(Options({}), judge), host, unused_port())  # type: ignore[arg-type]
    assert str(caught.value).startswith(text)


def test_another_host_is_dialled_in_place_of_the_one_that_is_wanted_and_judged_itself() -> None:
    with listening("0.0.0.0") as port:
        options = Options({("www.test", port): (LOCAL,), ("locked.test", port): (OTHER,)})
        assert dial(Dialer(options, anything), "www.test", port, "locked.test") == "127.0.0.2"
        with pytest.raises(
            DialError, match=r"destination_ip_prohibited: 127\.0\.0\.2 is not allowed; safe search asks"
        ):
            dial(Dialer(options, only(LOCAL)), "www.test", port, "locked.test")  # type: ignore[arg-type]


def test_without_the_other_host_the_one_that_is_wanted_is_not_dialled() -> None:
    with listening() as port, pytest.raises(DialError) as caught:
        dial(Dialer(Options({("www.test", port): (LOCAL,)}), anything), "www.test", port, "no-such-name.invalid")
    assert str(caught.value).startswith("dns_error: no-such-name.invalid: ")
    assert str(caught.value).endswith("; safe search asks no-such-name.invalid in place of www.test, and nobody else")


def test_nothing_is_dialled_on_nobody_s_behalf() -> None:
    with listening() as port, asyncio.Runner() as runner, pytest.raises(DialError, match="proxy_internal_error"):
        runner.run(Dialer(Options({}), anything).connect("127.0.0.1", port))


def test_a_loop_without_a_dialer_dials_nothing() -> None:
    async def connect(port: int) -> None:
        await asyncio.open_connection("127.0.0.1", port)

    with listening() as port, asyncio.Runner(loop_factory=JudgingLoop) as runner, pytest.raises(DialError):
        runner.run(connect(port))
