"""Event loops whose outbound connections are all made by one Dialer.

mitmproxy dials through the running loop's `create_connection`, so there is no way round it.  uvloop is used where it is
installed and works: inside TLS it more than doubles what one process answers.  uvloop 0.23 hands a task factory
`eager_start`, which the eager factory of CPython 3.13.0 does not take, so the factory that mitmproxy sets is wrapped.
"""

import asyncio
import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from forward_proxy.addons.dialing import Dialer
from forward_proxy.addons.ways import DialError

_UvLoop: Any = None
with suppress(ImportError):  # The extra `fast` is not installed, or not for this platform.
    _UvLoop = importlib.import_module("uvloop").Loop


class _Judging:
    """The two methods of an event loop that differ."""

    dialer: Dialer | None = None
    closes_by_number = False

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **kwargs: Any) -> Any:
        if host is not None:
            if self.dialer is None:
                raise DialError("proxy_internal_error: no dialer")
            kwargs.pop("local_addr", None)
            kwargs["sock"] = await self.dialer.connect(host, port)
        try:
            return await super().create_connection(protocol_factory, **kwargs)  # type: ignore[misc]
        except BaseException:
            if self.closes_by_number and "sock" in kwargs:
                kwargs["sock"].detach()
            raise

    def set_task_factory(self, factory: Callable[..., Any] | None) -> None:
        wrapped = factory and _without_eager_start(factory)
        super().set_task_factory(wrapped)  # type: ignore[misc]


class JudgingLoop(_Judging, asyncio.SelectorEventLoop):
    """Python's own."""


# When uvloop gives a connection up while it is made, it closes the descriptor but not the socket object.  That would
# close the same number once more when it is collected, and so whatever connection has got the number since.
FastLoop: Any = _UvLoop and type("FastLoop", (_Judging, _UvLoop), {"__doc__": "uvloop's.", "closes_by_number": True})


def judging_loop(dialer: Dialer) -> asyncio.AbstractEventLoop:
    """The fastest loop that works here, not running yet."""
    loop = _fast_loop() or JudgingLoop()
    loop.dialer = dialer
    return loop


def _fast_loop() -> Any:
    if FastLoop is None:
        return None
    loop = FastLoop()
    try:
        loop.set_task_factory(asyncio.eager_task_factory)
        loop.run_until_complete(asyncio.sleep(0))
        loop.set_task_factory(None)
    except (TypeError, RuntimeError):  # A version that does not get on with this Python.
        loop.close()
        return None
    return loop


def _without_eager_start(factory: Callable[..., Any]) -> Callable[..., Any]:
    def without(loop: Any, coroutine: Any, *, eager_start: object = None, **kwargs: Any) -> Any:
        return factory(loop, coroutine, **kwargs)

    return without
