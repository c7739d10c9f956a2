"""Both event loops: the fast one where it is installed, Python's own where it is not or does not work."""

import asyncio
import socket
import subprocess
import sys
from ipaddress import ip_address

import pytest

from forward_proxy.access.targets import Prohibited
from forward_proxy.addons import loops
from forward_proxy.addons.dialing import Dialer, Options
from forward_proxy.addons.loops import JudgingLoop, judging_loop
from forward_proxy.addons.ways import DialError, Dialling, dialling

REFUSAL = Prohibited("destination_ip_prohibited", "not in this test")
DIALER = Dialer(Options({}), lambda address, port, client: REFUSAL)


def loop_kinds() -> list[type]:
    return [JudgingLoop, loops.FastLoop]


@pytest.mark.parametrize("kind", loop_kinds())
def test_no_connection_goes_round_the_dialer(kind: type[JudgingLoop]) -> None:
    async def connect() -> None:
        dialling.set(Dialling(ip_address("127.0.0.1")))
        await asyncio.open_connection("127.0.0.1", 9)

    def loop() -> JudgingLoop:
        made = kind()
        made.dialer = DIALER
        return made

    with asyncio.Runner(loop_factory=loop) as runner, pytest.raises(DialError, match="not in this test"):
        runner.run(connect())


@pytest.mark.parametrize("kind", loop_kinds())
def test_a_connection_given_up_while_it_is_made_is_closed_once(kind: type[JudgingLoop]) -> None:
    """A socket that has still the number of a closed descriptor would close the next connection to get it."""

    class Dialled(Dialer):
        async def connect(self, host: str, port: int) -> socket.socket:
            self.sock = socket.create_connection((host, port))
            self.sock.setblocking(False)
            if task := asyncio.current_task():
                task.cancel()
            return self.sock

    async def connect(port: int) -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0)

    dialer = Dialled(Options({}), lambda address, port, client: None)
    loop = kind()
    loop.dialer = dialer
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            loop.run_until_complete(connect(server.getsockname()[1]))
            assert dialer.sock.fileno() == -1
            with server.accept()[0] as accepted:
                accepted.settimeout(20)
                assert accepted.recv(1) == b""
    finally:
        loop.close()


@pytest.mark.parametrize("kind", loop_kinds())
def test_a_task_factory_need_not_know_eager_start(kind: type[JudgingLoop]) -> None:
    def factory(loop: asyncio.AbstractEventLoop, coroutine: object, *, context: object = None) -> object:
        return asyncio.Task(coroutine, loop=loop, context=context)  # type: ignore[arg-type, var-annotated]

    loop = kind()
    try:
        loop.set_task_factory(factory)
        wrapped = loop.get_task_factory()
        assert wrapped
        task = wrapped(loop, asyncio.sleep(0), eager_start=True)  # type: ignore[call-arg, arg-type]
        loop.run_until_complete(task)
    finally:
        loop.close()


def test_the_fast_loop_is_used_where_it_works() -> None:
    loop = judging_loop(DIALER)
    loop.close()
    assert isinstance(loop, loops.FastLoop)


def test_without_uvloop_python_s_own_loop_is_used() -> None:
    script = (
        "import sys; sys.modules['uvloop'] = None\n"
        "from forward_proxy.addons.loops import JudgingLoop, judging_loop\n"
        "loop = judging_loop(None); loop.close()\n"
        "assert type(loop) is JudgingLoop, loop"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
