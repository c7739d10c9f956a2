"""The virtual connection by which a client's octets go to mitmproxy, verbatim, and its answers come back.

mitmproxy's handler gets an `asyncio.StreamReader` and this in place of a writer.  Back-pressure holds both ways: a
reader that is full stops the reading from the client, and `drain` waits for a client that does not take its answers.
"""

import asyncio
from typing import Any, Protocol


class Outbound(Protocol):
    """Where a client's answers go: a transport, or TLS on one."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class Owner(Protocol):
    """The conversation a pipe belongs to."""

    @property
    def out(self) -> Outbound: ...
    def answered(self, data: bytes) -> None: ...
    def left(self, pipe: "Pipe") -> None: ...
    def hold(self, why: str) -> None: ...
    def release(self, why: str) -> None: ...
    def detach(self) -> asyncio.Transport | None: ...
    async def drained(self) -> None: ...


class Pipe:
    """One virtual connection.  The methods without comment are those of `asyncio.StreamWriter`."""

    def __init__(self, owner: Owner, limit: int = 1 << 16) -> None:
        self._owner = owner
        self._closed = False
        self.reader = asyncio.StreamReader(limit)
        self.reader.set_transport(_Reading(owner))  # type: ignore[arg-type]  # All it is asked for.

    def write(self, data: bytes) -> None:
        if not self._closed:
            self._owner.answered(data)

    def write_eof(self) -> None:
        if not self.is_closing():
            self._owner.out.write_eof()

    async def drain(self) -> None:
        if self.is_closing():
            raise ConnectionResetError("the client is gone")
        await self._owner.drained()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._owner.left(self)

    def is_closing(self) -> bool:
        return self._closed or self._owner.out.is_closing()

    async def wait_closed(self) -> None:
        """Nothing of its own is left to close."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._owner.out.get_extra_info(name, default)

    def detach(self) -> asyncio.Transport | None:
        """Take the client's transport over, once everything read from it has been taken here; None if it is none."""
        return self._owner.detach()


class _Reading:
    """What a StreamReader pauses when it is full."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def pause_reading(self) -> None:
        self._owner.hold("reader")

    def resume_reading(self) -> None:
        self._owner.release("reader")

    def is_closing(self) -> bool:
        return self._owner.out.is_closing()
