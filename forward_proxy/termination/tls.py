"""TLS of a client, ended here.  RFC 8446, RFC 5246.

The record layer is OpenSSL's, fed from memory: no stream between it and what speaks inside.  A context is kept for each
certificate, and session tickets (RFC 5077, RFC 8446 §4.6.1) with it.  What speaks inside may itself be an end of TLS.

Either side may say that it sends no more and still be sent to (RFC 8446 §6.1); TLS 1.2 asks for no such patience (RFC
5246 §7.2.1), and OpenSSL has it all the same.
"""

import asyncio
import os
import ssl
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Protocol, cast

from forward_proxy.message.alerts import HUNG_UP, SHOWN_S, UNUSED_S, refusal_in

_MOST_CONTEXTS = 1024
# A certificate lives longer by far.
_KEPT_S = 86_400
_READ_BYTES = 64 * 1024
_PROTOCOLS = ("http/1.1",)


class Inner(Protocol):
    """What speaks inside the TLS."""

    def connection_made(self, transport: Any) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Contexts:
    """Server contexts by the names they certify; `leaf` gives certificate chain and key in PEM."""

    def __init__(self, leaf: Callable[[tuple[str, ...]], bytes]) -> None:
        self._leaf = leaf
        self._contexts: OrderedDict[tuple[str, ...], tuple[float, ssl.SSLContext]] = OrderedDict()

    def of(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """The context that shows a certificate for these names, the first of them first."""
        now = time.time()
        if (kept := self._contexts.get(names)) is not None:
            made_at, context = kept
            if made_at <= now < made_at + _KEPT_S:
                self._contexts.move_to_end(names)
                return context
        context = server_context(self._leaf(names))
        self._contexts[names] = now, context
        self._contexts.move_to_end(names)
        if len(self._contexts) > _MOST_CONTEXTS:
            self._contexts.popitem(last=False)
        return context


def server_context(pem: bytes) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 for HTTP/1.1, with this certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(_PROTOCOLS)
    context.num_tickets = 1  # Two are for clients that resume twice at once.
    with _file(pem) as path:
        context.load_cert_chain(path)
    return context


@contextmanager
def _file(octets: bytes) -> Iterator[str]:
    """The octets under a name, which OpenSSL wants; where there is a way without a file on disk, there is none."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("leaf")
        try:
            os.write(fd, octets)
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)
    else:
        with tempfile.NamedTemporaryFile() as file:  # Mode 0600.
            file.write(octets)
            file.flush()
            yield file.name


class TlsEnd(asyncio.Transport, asyncio.Protocol):
    """The protocol of a transport that carries TLS, and the transport of what speaks inside.

    It gives no socket away: nothing can be sent past the TLS.

    `failed` is told when the handshake came to nothing, with OpenSSL's words; `settled` when it is over either way.
    `refused` is told in its place when the client did not accept the certificate, with an alert's name or what it did
    instead; that may also come after the handshake, before anything was sent inside (RFC 8446 §4.4.2.4, §6.2).
    `spoke` is told when something was.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        context: ssl.SSLContext,
        inner: Inner,
        failed: Callable[[str], None],
        refused: Callable[[str], None],
        settled: Callable[[], None],
        spoke: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._inner = inner
        self._failed = failed
        self._refused = refused
        self._settled = settled
        self._spoke = spoke
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._established = False
        self._spoken = False
        self._shown_at = monotonic()
        self._reading = False
        self._read_all = False
        self._wrote_all = False
        self._closed = False

    # The protocol.

    def data_received(self, data: bytes) -> None:
        if self._closed or self._read_all:
            return
        self._incoming.write(data)
        self._reading = True
        try:
            if not self._established:
                self._tls.do_handshake()
                self._established = True
                self._shown_at = monotonic()
                self._settled()
                self._flush()
                self._inner.connection_made(self)
            while not self._closed:
                if not (octets := self._tls.read(_READ_BYTES)):
                    self._hung_up()
                    self._end()
                    break
                if not self._spoken:
                    self._spoken = True
                    self._spoke()
                self._inner.data_received(octets)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self._end()
        except ssl.SSLError as fault:
            self._fail(fault)
        self._reading = False
        if self._wrote_all and not self._closed:
            self._say_end()

    def eof_received(self) -> bool:
        """Without a word of TLS: what speaks inside knows by its own framing whether anything is missing."""
        self._hung_up()
        if self._closed or not self._established:
            return False
        return self._read_all or self._ends_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionError):
            self._hung_up()
        self._closed = True
        if self._established:
            self._inner.connection_lost(exc)
        else:
            self._settled()

    def pause_writing(self) -> None:
        if self._established:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._established:
            self._inner.resume_writing()

    # The transport.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closed or self._wrote_all or not data:
            return
        try:
            done = self._tls.write(data)
            while done < len(data):
                done += self._tls.write(memoryview(data)[done:])
        except ssl.SSLError:
            self.abort()
            return
        self._flush()

    def write_eof(self) -> None:
        """Say that nothing more comes, by close_notify; the connection stays, and what the client sends is read."""
        if not self._wrote_all and not self._closed:
            self._wrote_all = True
            if not self._reading:  # OpenSSL would take what it has not read yet for a fault.
                self._say_end()

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._say_end()
            self._transport.close()

    def abort(self) -> None:
        self._closed = True
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner = cast(Inner, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return cast(asyncio.BaseProtocol, self._inner)

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "tls_version":
            return self._tls.version()
        if name == "alpn":
            return self._tls.selected_alpn_protocol()
        if name == "socket":
            return default
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._outgoing.pending and not self._transport.is_closing():
            self._transport.write(self._outgoing.read())

    def _end(self) -> None:
        """The client has said that it sends no more."""
        self._flush()
        if not self._ends_reading():
            self.close()

    def _ends_reading(self) -> bool:
        """Tell that the client sends no more; whether it is still to be sent to."""
        self._read_all = True
        return bool(self._inner.eof_received())

    def _say_end(self) -> None:
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()

    def _fail(self, fault: ssl.SSLError) -> None:
        self._flush()
        text = fault.reason or str(fault)
        if not self._spoken and (alert := refusal_in(text)) is not None:
            self._refuse(alert)
        elif not self._established:
            self._failed(text)
        self._closed = True
        self._transport.close() if not self._established else self._transport.abort()

    def _hung_up(self) -> None:
        """The client is gone: right after the certificate was shown, before it has said a word, that is its answer."""
        within_s = UNUSED_S if self._established else SHOWN_S
        if not self._closed and not self._spoken and monotonic() - self._shown_at < within_s:
            self._refuse(HUNG_UP)

    def _refuse(self, why: str) -> None:
        """Told once."""
        self._spoken = True
        self._refused(why)
