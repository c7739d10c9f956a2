"""An HTTP/2 origin over TLS, one thread per connection.  RFC 9113.

Answers /download/<bytes>/<token> with that many octets, /open/… likewise without saying how many, /cut/… with half of
them before it resets the stream, and /short/… with half of those it has promised; any other request, once its content
is in, with the size and SHA-256 of that content as JSON.  It reads before it writes, which is enough for one large
stream at a time.
"""

import hashlib
import json
import ssl
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes

from .content import block
from .ledger import Ledger
from .rawservers import RawServer

_WINDOW_BYTES = 1 << 24


@dataclass(slots=True)
class _Stream:
    target: str
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


@dataclass(slots=True)
class _Sending:
    """How far one response has been sent: its block again and again until its size is reached."""

    block: bytes
    size: int
    whole: bool = True
    at: int = 0

    def next_octets(self, most: int) -> bytes:
        start = self.at % len(self.block)
        piece = self.block[start : start + min(most, self.size - self.at)]
        self.at += len(piece)
        return piece


class H2Server(RawServer):
    """Listens on a free loopback port and speaks nothing but HTTP/2."""

    def __init__(self, ledger: Ledger, tls: ssl.SSLContext, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__((host, port), _H2Handler)
        self.ledger, self.tls = ledger, tls
        tls.set_alpn_protocols(["h2"])


class _H2Handler(BaseRequestHandler):
    server: H2Server

    def setup(self) -> None:
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        self._streams: dict[int, _Stream] = {}
        self._sending: dict[int, _Sending] = {}

    def handle(self) -> None:
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW_BYTES})
        self._h2.increment_flow_control_window(_WINDOW_BYTES)
        self.request.sendall(self._h2.data_to_send())
        while piece := self.request.recv(1 << 18):
            for event in self._h2.receive_data(piece):
                self._on(event)
            self._send_what_windows_allow()
            self.request.sendall(self._h2.data_to_send())

    def finish(self) -> None:
        self.request.close()

    def _on(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(number), headers=list(lines)):
                fields = [(str(name), str(value)) for name, value in lines]
                pseudo = dict(fields)
                connection = self.client_address[1]
                self.server.ledger.record("https", pseudo[":method"], pseudo[":path"], fields, connection)
                self._streams[number] = _Stream(pseudo[":path"])
            case DataReceived(stream_id=int(number), data=bytes(piece), flow_controlled_length=int(length)):
                self._streams[number].digest.update(piece)
                self._streams[number].size += len(piece)
                self._h2.acknowledge_received_data(length, number)
            case StreamEnded(stream_id=int(number)):
                self._answer(number, self._streams.pop(number))
            case StreamReset(stream_id=int(number)):
                self._streams.pop(number, None)
                self._sending.pop(number, None)
            case _:
                pass

    def _answer(self, number: int, stream: _Stream) -> None:
        lines = [(":status", "200")]
        match stream.target.strip("/").split("/"):
            case ["download", size, seed]:
                sending = _Sending(block(seed), int(size))
                lines.append(("content-length", size))
            case ["open", size, seed]:
                sending = _Sending(block(seed), int(size))
            case ["short", size, seed]:
                sending = _Sending(block(seed), int(size) // 2)
                lines += [("content-length", size), ("cache-control", "max-age=600")]
            case ["cut", size, seed]:
                sending = _Sending(block(seed), int(size) // 2, whole=False)
                lines.append(("cache-control", "max-age=600"))  # A cache might want it, were it whole.
            case _:
                report = json.dumps({"size": stream.size, "sha256": stream.digest.hexdigest()}).encode()
                sending = _Sending(report, len(report))
        self._h2.send_headers(number, lines)
        self._sending[number] = sending

    def _send_what_windows_allow(self) -> None:
        for number, sending in list(self._sending.items()):
            while sending.at < sending.size:
                window = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
                if window <= 0:
                    break
                self._h2.send_data(number, sending.next_octets(window))
            else:
                if sending.whole:
                    self._h2.end_stream(number)
                else:
                    self._h2.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
                del self._sending[number]
