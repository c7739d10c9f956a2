"""A client's end of TLS over any connection, also over another one: what `ssl.SSLSocket` does not let be said apart."""

import ssl
from typing import Protocol, Self

_READ_BYTES = 65536


class Connection(Protocol):
    """A socket, or TLS on one."""

    def sendall(self, data: bytes, /) -> object: ...
    def recv(self, most: int, /) -> bytes: ...


class Tls:
    """TLS that stands once this is made."""

    def __init__(self, below: Connection, context: ssl.SSLContext, name: str) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while self._wants_more(self.tls.do_handshake):
            self._read()
        self._flush()

    def sendall(self, data: bytes) -> None:
        self.tls.write(data)
        self._flush()

    def recv(self, most: int) -> bytes:
        """Empty once the other side has said by close_notify that it sends no more; EOFError when it just stops."""
        while True:
            try:
                return self.tls.read(most)
            except ssl.SSLWantReadError:
                self._read()
            except ssl.SSLZeroReturnError:
                return b""

    def end(self) -> Self:
        """Say by close_notify that nothing more is sent."""
        self._wants_more(self.tls.unwrap)
        return self

    def _wants_more(self, step: object) -> bool:
        try:
            step()  # type: ignore[operator]
        except ssl.SSLWantReadError:
            return True
        finally:
            self._flush()
        return False

    def _read(self) -> None:
        octets = self._below.recv(_READ_BYTES)
        if not octets:
            raise EOFError
        self._incoming.write(octets)

    def _flush(self) -> None:
        if octets := self._outgoing.read():
            self._below.sendall(octets)
