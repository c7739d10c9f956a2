"""Gets a list from its URL: conditional, bounded in size and time, verified, and over connections that were judged.

Redirects are followed, but not from https to http.  One fetch at a time; `abort` ends it from another thread.
"""

import http.client
import socket
import ssl
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer

from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri, resolved

MAX_BYTES = 64 * 1024 * 1024
WITHIN_S = 120.0
_SILENCE_S = 20.0
_MAX_REDIRECTS = 5
_CHUNK = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)

# Host, port, and whether a redirect leads there; raises OSError.
type Dial = Callable[[str, int, bool], socket.socket]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A new edition, and what to ask by next time (RFC 9110 §8.8)."""

    content: bytes
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class NotModified:
    """What is there is still good (RFC 9110 §15.4.5)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """There was no list to be had, and why."""

    reason: str


type Answer = Fetched | NotModified | Failed


class Fetcher:
    """Nothing is dialled but by `dial`; `tls` makes what verifies, once it is needed."""

    def __init__(
        self, dial: Dial, tls: Callable[[], ssl.SSLContext], within_s: float = WITHIN_S, max_bytes: int = MAX_BYTES
    ) -> None:
        self._dial = dial
        self._tls = tls
        self._within_s = within_s
        self._max_bytes = max_bytes
        self._socket: socket.socket | None = None
        self._ended = ""

    def fetch(self, url: str, etag: str = "", last_modified: str = "") -> Answer:
        """Never raises for what a server or a network does."""
        self._ended = ""
        fields = {"User-Agent": "forward-proxy", "Accept": "*/*", "Accept-Encoding": "gzip", "Connection": "close"}
        fields |= {"If-None-Match": etag} if etag else {}
        fields |= {"If-Modified-Since": last_modified} if last_modified else {}
        timer = Timer(self._within_s, self.abort, (f"took longer than {self._within_s:g} s",))
        timer.daemon = True
        timer.start()
        try:
            answer = self._followed(url, fields)
            # Without a length, content that was cut off by us looks whole.
            return Failed(self._ended) if self._ended else answer
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as fault:
            return Failed(self._ended or _told(fault))
        finally:
            timer.cancel()

    def abort(self, reason: str = "the proxy stops") -> None:
        """The fetch under way fails for this reason; any thread."""
        self._ended = reason
        if (open_socket := self._socket) is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def _followed(self, url: str, fields: dict[str, str]) -> Answer:
        target = parse_target_uri(url)
        for redirects in range(_MAX_REDIRECTS + 1):
            if isinstance(target, Malformed):
                return Failed(f"leads nowhere: {target.reason}")
            answer = self._asked(target, fields, redirected=redirects > 0)
            if not isinstance(answer, str):
                return answer
            following = resolved(target, answer.encode("latin-1", "replace"))
            if target.scheme == "https" and isinstance(following, TargetUri) and following.scheme != "https":
                return Failed(f"leads from https to {following}")
            target = following
        return Failed(f"leads on more than {_MAX_REDIRECTS} times")

    def _asked(self, target: TargetUri, fields: dict[str, str], redirected: bool) -> Answer | str:
        """The answer, or where it is to be had."""
        connection = http.client.HTTPConnection(target.host, target.port)
        try:
            connection.sock = self._connected(target, redirected)
            connection.request("GET", target.path_and_query, headers={"Host": target.authority, **fields})
            response = connection.getresponse()
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                return location
            if response.status == 304:
                return NotModified()
            if response.status != 200:
                return Failed(f"answered {response.status} {response.reason}".strip())
            content = self._content(response)
            if content is None:
                return Failed(f"is larger than {self._max_bytes} bytes")
            return Fetched(content, response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
        finally:
            self._socket = None
            connection.close()

    def _connected(self, target: TargetUri, redirected: bool) -> socket.socket:
        plain = self._dial(target.host, target.port, redirected)
        try:
            plain.settimeout(_SILENCE_S)
            self._socket = plain
            if self._ended:
                raise OSError(self._ended)
            if target.scheme == "https":
                self._socket = self._tls().wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise
        return self._socket

    def _content(self, response: http.client.HTTPResponse) -> bytes | None:
        """The content without its coding; None when it is too large."""
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", "x-gzip", ""):
            raise ValueError(f"has the content coding {coding}, which was not asked for")
        decoder = zlib.decompressobj(wbits=31) if "gzip" in coding else None
        content = bytearray()
        while octets := response.read(_CHUNK):
            content += octets if decoder is None else decoder.decompress(octets, self._max_bytes + 1 - len(content))
            if len(content) > self._max_bytes:
                return None
        if response.length or (decoder is not None and not decoder.eof):
            raise ValueError("ended too early")
        return bytes(content)


def _told(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate does not verify: {fault.verify_message}"
    if isinstance(fault, TimeoutError):
        return "did not answer in time"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return str(fault) or type(fault).__name__
