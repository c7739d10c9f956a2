"""A CONNECT that leads to a host that is inspected: is its TLS ended in the lane?

The client is told that the tunnel stands and shows its ClientHello; nothing is decrypted before that decides.  A client
that speaks HTTP/2 as well, a host that is passed through, or anything but TLS goes to mitmproxy, unread, as if it had
come there first.
"""

import asyncio
from dataclasses import replace
from functools import partial
from time import time
from typing import TYPE_CHECKING

from forward_proxy.fastlane import records
from forward_proxy.fastlane.conversation import Conversation
from forward_proxy.fastlane.judging import Client
from forward_proxy.fastlane.requests import Connect, Tunnel
from forward_proxy.message.alerts import HUNG_UP
from forward_proxy.message.hosts import canonical_host
from forward_proxy.policy import Inspect
from forward_proxy.termination.tls import Contexts, TlsEnd

if TYPE_CHECKING:
    from forward_proxy.fastlane.lane import Lane

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_TLS_HANDSHAKE = 0x16  # RFC 8446 §5.1.
_LONGEST_HELLO_BYTES = 64 * 1024
# How long a client may take to show its ClientHello, and then for the handshake.
_MOST_TICKS = 6
_HTTP1 = frozenset((b"http/1.1", b"http/1.0"))


class Greeting(asyncio.Protocol):
    """Between CONNECT and ClientHello."""

    def __init__(
        self,
        lane: "Lane",
        contexts: Contexts,
        out: asyncio.Transport,
        client: Client,
        connect: Connect,
        octets: bytes,
    ) -> None:
        self._lane = lane
        self._contexts = contexts
        self.out = out
        self._client = client
        self._connect = connect
        self._octets = octets
        self._hello = b""
        self._started_at = time()
        self._ticks = 0
        self._handshaking = False
        self._names: tuple[str, ...] = ()

    def begin(self, hello: bytes) -> None:
        """Take the transport over, with what the client has sent already."""
        self._lane.conversations.add(self)
        self.out.set_protocol(self)
        self.out.write(_ESTABLISHED)
        if hello:
            self.data_received(hello)

    def data_received(self, data: bytes) -> None:
        self._hello += data
        if self._hello[0] != _TLS_HANDSHAKE or len(self._hello) > _LONGEST_HELLO_BYTES:
            self._give_away()
            return
        try:
            hello = self._lane.handover.client_hello(self._hello)
        except ValueError:
            self._give_away()
            return
        if hello is not None:
            sni, protocols = hello
            if self._is_for_lane(sni, protocols):
                self._end_tls(sni)
            else:
                self._give_away()

    def eof_received(self) -> bool:
        self._give_away()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lane.conversations.discard(self)

    def tick(self, idle_ticks: int) -> None:
        """A client that waits to be spoken to is mitmproxy's to wait for; who does not end a handshake is let go."""
        self._ticks += 1
        if self._handshaking and self._ticks > _MOST_TICKS:
            self.out.abort()
        elif not self._handshaking and self._ticks > 1:
            self._give_away()

    def stop(self) -> bool:
        self.out.abort()
        return True

    def _is_for_lane(self, sni: str | None, protocols: tuple[bytes, ...]) -> bool:
        offered = frozenset(protocols)
        if self._lane.options.tls_clients == "http1-clients" and not offered <= _HTTP1:
            return False
        if offered and b"http/1.1" not in offered:
            return False
        self._names = tuple(dict.fromkeys(name for name in (self._connect.host, canonical_host(sni or "")) if name))
        decision = self._lane.policy().on_hello(self._names, self._connect.port, self._client.known, int(time()))
        return isinstance(decision, Inspect)

    def _end_tls(self, sni: str | None) -> None:
        host, port = self._connect.host, self._connect.port
        inner = Conversation(self._lane, replace(self._client, tunnel=Tunnel(host, port, sni)))
        context = self._contexts.of(tuple(dict.fromkeys((sni or host, host))))
        settled = partial(self._lane.conversations.discard, self)
        spoke = partial(self._lane.hang_ups.accepted, self._client.known.address, self._names)
        end = TlsEnd(self.out, context, inner, self._failed, self._refused, settled, spoke)
        self._handshaking, self._ticks = True, 0
        self.out.set_protocol(end)
        end.data_received(self._hello)

    def _failed(self, reason: str) -> None:
        """The client spoke TLS that we cannot: worth a line, or nobody will know why."""
        self._record("error", f"the client ended TLS: {reason}")

    def _refused(self, why: str) -> None:
        """The client did not accept the certificate that was shown to it."""
        client, now = self._client.known, int(time())
        if why == HUNG_UP and not self._lane.hang_ups.enough(client.address, self._names, self._started_at, time()):
            self._failed(why)
            return
        refused = self._lane.policy().on_refusal(self._names, self._connect.port, client, why, now)
        self._record("refused", refused.told)
        self._lane.remember(refused)

    def _record(self, outcome: str, told: str) -> None:
        client = self._client
        self._lane.log.record(
            records.failed(self._connect, client.text, client.known, self._started_at, time(), outcome, told)
        )

    def _give_away(self) -> None:
        self._lane.conversations.discard(self)
        conversation = Conversation(self._lane, self._client)
        self.out.set_protocol(conversation)
        conversation.connection_made(self.out)
        conversation.take_over(self._octets, self._hello)
