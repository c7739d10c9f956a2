"""TLS between client and proxy itself, in front of whoever serves the connections: a "secure web proxy".

What speaks inside is the same as in cleartext, on the same interface, whichever driver it is; of HTTP it speaks
HTTP/1.1 (RFC 7301 `http/1.1`).  HTTP/2 between client and proxy is left out; inside tunnels it is as ever.

Who speaks HTTP without TLS is answered 400 in a page that says so; all else that does not come to TLS is let go, and
told of.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from forward_proxy.message.alerts import HUNG_UP
from forward_proxy.message.writing import response_head
from forward_proxy.policy import Deny, denial
from forward_proxy.termination.certificates import Certificate
from forward_proxy.termination.tls import TlsEnd

# From the connection to the end of the handshake.
HANDSHAKE_WITHIN_S = 10.0
# How long a client that is refused may go on sending before the connection is closed under it (RFC 9112 §9.6).
LINGER_S = 2.0
_NO_TLS, _NO_REQUEST, _TIMEOUT = "tls_protocol_error", "http_request_error", "connection_read_timeout"
_HANDSHAKE = 0x16  # RFC 8446 §5.1.
_LIKE_HTTP = re.compile(rb"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where clients connect; by TLS if there is a certificate."""

    host: str
    port: int
    certificate: Certificate | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A client that has come to no TLS, by its address and the port it came to.

    `error` is a type of RFC 9209 §2.3, `reason` says more, `status` if it was answered.
    """

    client: str
    listener: int
    started_at: float
    error: str
    reason: str
    status: int | None = None


class Front:
    """Of one listening address: `inside` makes what speaks inside, `turned_away` is told who did not get there."""

    def __init__(
        self,
        certificate: Certificate,
        inside: Callable[[], asyncio.Protocol],
        turned_away: Callable[[TurnedAway], object],
    ) -> None:
        self.certificate = certificate
        self.inside = inside
        self.turned_away = turned_away
        self.arriving: set[asyncio.Transport] = set()

    def protocol(self) -> asyncio.Protocol:
        """The protocol of one more client connection."""
        return _Arrival(self)

    def stop(self) -> None:
        """Whoever is not inside will not be."""
        for transport in tuple(self.arriving):
            transport.abort()


class _Arrival(asyncio.Protocol):
    """A connection whose TLS does not stand yet."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._started_at = time.time()
        self._told = False
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._at, self._to = (transport.get_extra_info(name) for name in ("peername", "sockname"))
        if self._at is None or self._to is None:  # The client has gone again already, and its address with it.
            self._transport.abort()
            return
        self._front.arriving.add(self._transport)
        self._wake_in(HANDSHAKE_WITHIN_S)

    def data_received(self, data: bytes) -> None:
        if self._told:
            return  # Refused: what still comes is dropped.
        if data[0] == _HANDSHAKE:
            self._begin(data)
        elif _LIKE_HTTP.match(data):
            self._refuse()
        else:
            self._tell(_NO_TLS, "this is no TLS")
            self._transport.close()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()

    def _begin(self, hello: bytes) -> None:
        context = self._front.certificate.context(self._to[0])
        inside: Any = self._front.inside()
        end = TlsEnd(self._transport, context, inside, partial(self._tell, _NO_TLS), self._refused, self._over)
        self._transport.set_protocol(end)
        end.data_received(hello)

    def _refuse(self) -> None:
        reason = f"this port speaks TLS: the proxy's address begins with https://, as in https://HOST:{self._to[1]}"
        answer = denial(Deny(400, _NO_REQUEST, reason), None)
        head = response_head(answer.status, answer.fields).removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"
        self._transport.write(head + answer.content)
        self._transport.write_eof()
        self._tell(_NO_REQUEST, "HTTP without TLS", answer.status)
        self._wake_in(LINGER_S)

    def _refused(self, why: str) -> None:
        """By the client, which did not accept the certificate."""
        error = "connection_terminated" if why == HUNG_UP else "tls_alert_received"
        self._tell(error, f"the client did not accept the certificate: {why}")

    def _over(self) -> None:
        """The handshake has ended, one way or the other."""
        if self._transport.is_closing():
            self._tell("connection_terminated", "the client went away within the handshake")
        self._told = True  # Who is inside and leaves without a word may come back.
        self._forget()

    def _wake_in(self, delay_s: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(delay_s, self._woken)

    def _woken(self) -> None:
        self._tell(_TIMEOUT, f"no handshake within {HANDSHAKE_WITHIN_S:.0f} s")
        self._transport.abort()

    def _tell(self, error: str, reason: str, status: int | None = None) -> None:
        """Once; what comes after that follows from it."""
        if not self._told:
            self._told = True
            self._front.turned_away(TurnedAway(self._at[0], self._to[1], self._started_at, error, reason, status))

    def _forget(self) -> None:
        self._front.arriving.discard(self._transport)
        if self._alarm is not None:
            self._alarm.cancel()
