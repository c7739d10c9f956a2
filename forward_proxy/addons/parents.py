"""How is a parent proxy asked to lead on?  By CONNECT (RFC 9110 §9.3.6), or by SOCKS5 (RFC 1928, RFC 1929).

What goes wrong before the parent has been told the target is the parent's fault, and the next one is tried; after that
it is an answer about this target, and nobody else is asked: another parent may allow what this one forbids.

A parent's every octet is hostile: nothing of its words is told, only numbers.  Not one octet more is read than belongs
to its answer: what follows is the origin's.
"""

import asyncio
import base64
import os
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from forward_proxy.access.parents import Hop, Parent, Secret, refusal
from forward_proxy.addons.ways import DialError, Taken
from forward_proxy.message.hosts import ip_literal

# How long a parent that could not be reached is passed over.
AWAY_S = 30.0

_LONGEST_HEAD_BYTES = 64 * 1024
_LONGEST_SECRET_BYTES = 4096
_MOST_INTERIM = 10
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_SECRET = re.compile(r"([^\x00-\x1f\x7f:]{1,255}):([^\x00-\x1f\x7f]{1,255})")
_NO_AUTHENTICATION, _NAME_AND_PASSWORD = 0, 2
# RFC 1928 §6.
_REPLIES = {
    1: ("destination_unavailable", "cannot get there"),
    2: ("proxy_internal_response", "refuses this"),
    3: ("destination_ip_unroutable", "cannot get there: no network leads there"),
    4: ("destination_ip_unroutable", "cannot get there: no such host, or no way to it"),
    5: ("connection_refused", "cannot get there: the connection was refused"),
    6: ("connection_timeout", "cannot get there: no answer in time"),
    7: ("proxy_configuration_error", "knows no CONNECT"),
    8: ("proxy_configuration_error", "knows no such address"),
}


class NotReached(OSError):
    """This parent cannot be used now, whatever the target."""


def name_and_password(secret: Secret) -> tuple[str, str]:
    """What is kept there.  Raises DialError that tells where it should be, and nothing of what is there."""
    text: str | None = None
    if secret.kind == "env":
        text = os.environ.get(secret.name)
    else:
        with suppress(OSError, UnicodeDecodeError):
            path = Path(secret.name)
            if path.is_file() and path.stat().st_size <= _LONGEST_SECRET_BYTES:
                text = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    match = _SECRET.fullmatch(text) if text is not None else None
    if match is None:
        raise DialError(f"proxy_configuration_error: there is no NAME:PASSWORD for a parent proxy in {secret}")
    return match[1], match[2]


class Parents:
    """Those of one event loop, and which of them are passed over for now."""

    def __init__(self) -> None:
        self._away: dict[Hop, float] = {}

    def in_turn(self, hops: tuple[Hop, ...]) -> list[Hop]:
        """These in the order in which they are tried: who could not be reached lately comes last."""
        now = asyncio.get_running_loop().time()
        away = [hop for hop in hops if self._away.get(hop, 0) > now]
        return [*(hop for hop in hops if hop not in away), *away]

    async def through(
        self,
        parent: Parent,
        reach: Callable[[str, int], Awaitable[socket.socket]],
        target: tuple[str, int],
        within_s: float,
        *,
        forwarded: bool,
    ) -> tuple[socket.socket, Taken]:
        """A connection through this parent to the target, by `reach` to the parent itself.

        When it is `forwarded`, it leads to an HTTP parent, which has not been asked for anything yet.

        Raises NotReached when another parent may be tried, DialError when none may.
        """
        credentials = name_and_password(parent.secret) if parent.secret else None
        try:
            sock = await self._reached(parent, reach, credentials, within_s)
        except NotReached:
            self._away[parent] = asyncio.get_running_loop().time() + AWAY_S
            raise
        self._away.pop(parent, None)
        basic = _basic(credentials) if credentials and parent.scheme == "http" else None
        taken = Taken(parent, forwarded and parent.scheme == "http", basic)
        try:
            async with asyncio.timeout(within_s):
                if parent.scheme == "socks5":
                    await _connect_by_socks(sock, parent, *target)
                elif not taken.forwards:
                    await _connect_by_http(sock, parent, *target, basic)
        except BaseException as fault:
            sock.close()
            if isinstance(fault, TimeoutError):
                raise DialError(f"connection_timeout: the parent proxy {parent} did not answer in time") from None
            if isinstance(fault, OSError) and not isinstance(fault, DialError):
                raise DialError(f"connection_terminated: the parent proxy {parent} ended the connection") from None
            raise
        return sock, taken

    async def _reached(
        self,
        parent: Parent,
        reach: Callable[[str, int], Awaitable[socket.socket]],
        credentials: tuple[str, str] | None,
        within_s: float,
    ) -> socket.socket:
        """A connection on which the parent is ready to be told the target."""
        try:
            sock = await reach(parent.host, parent.port)
        except DialError as fault:
            if fault.error in ("proxy_loop_detected", "destination_ip_prohibited"):
                raise DialError(f"{fault}, and named as the parent proxy {parent}") from None
            raise NotReached(f"{parent}: {fault}") from None
        if parent.scheme == "socks5":
            try:
                async with asyncio.timeout(within_s):
                    await _greet(sock, parent, credentials)
            except BaseException as fault:
                sock.close()
                if isinstance(fault, TimeoutError):
                    raise NotReached(f"{parent}: did not answer in time") from None
                if isinstance(fault, OSError) and not isinstance(fault, DialError | NotReached):
                    raise NotReached(f"{parent}: ended the connection") from None
                raise
        return sock


async def _connect_by_http(sock: socket.socket, parent: Parent, host: str, port: int, basic: bytes | None) -> None:
    authority = f"{f'[{host}]' if ':' in host else host}:{port}".encode("ascii")
    lines = [b"CONNECT %b HTTP/1.1" % authority, b"Host: %b" % authority]
    if basic is not None:
        lines.append(b"Proxy-Authorization: %b" % basic)
    await asyncio.get_running_loop().sock_sendall(sock, b"\r\n".join((*lines, b"", b"")))
    for _ in range(_MOST_INTERIM):
        match = _STATUS.match(await _head(sock, parent))
        if match is None:
            break
        if (status := int(match[1])) >= 300:
            refused = refusal(parent, status)
            raise DialError(f"{refused.error}: {refused.reason}")
        if status >= 200:
            return
    raise DialError(f"http_protocol_error: what the parent proxy {parent} answers to CONNECT is no response")


async def _head(sock: socket.socket, parent: Parent) -> bytes:
    """A head up to its empty line, and nothing of what comes after it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await _exactly(sock, 1)
        with suppress(BlockingIOError):
            joined = head + sock.recv(_LONGEST_HEAD_BYTES, socket.MSG_PEEK)
            end = joined.find(b"\r\n\r\n")
            head += sock.recv((len(joined) if end < 0 else end + 4) - len(head))
        if len(head) > _LONGEST_HEAD_BYTES:
            raise DialError(f"http_response_header_section_size: the parent proxy {parent} answers at too great length")
    return head


async def _greet(sock: socket.socket, parent: Parent, credentials: tuple[str, str] | None) -> None:
    """Agree on a method (RFC 1928 §3), and say who we are (RFC 1929)."""
    loop = asyncio.get_running_loop()
    methods = bytes((_NO_AUTHENTICATION, _NAME_AND_PASSWORD) if credentials else (_NO_AUTHENTICATION,))
    await loop.sock_sendall(sock, bytes((5, len(methods))) + methods)
    version, method = await _exactly(sock, 2)
    if version != 5:
        raise NotReached(f"{parent}: does not speak SOCKS5")
    if method not in methods:
        wants = "does not take name and password" if credentials else "asks for credentials"
        raise DialError(f"proxy_configuration_error: the parent proxy {parent} {wants}")
    if method == _NAME_AND_PASSWORD and credentials:
        name, password = (text.encode("utf-8") for text in credentials)
        if max(len(name), len(password)) > 255:
            raise DialError(f"proxy_configuration_error: what is in {parent.secret} is too long for SOCKS5")
        await loop.sock_sendall(sock, bytes((1, len(name))) + name + bytes((len(password),)) + password)
        _, status = await _exactly(sock, 2)
        if status:
            taken = f"does not take the credentials of {parent.secret}"
            raise DialError(f"proxy_configuration_error: the parent proxy {parent} {taken}")


async def _connect_by_socks(sock: socket.socket, parent: Parent, host: str, port: int) -> None:
    """RFC 1928 §4; names go as names."""
    literal = ip_literal(host)
    if literal is not None:
        address = bytes((1 if literal.version == 4 else 4,)) + literal.packed
    else:
        address = bytes((3, len(host))) + host.encode("ascii")
    await asyncio.get_running_loop().sock_sendall(sock, b"\x05\x01\x00" + address + port.to_bytes(2))
    version, reply, _, kind = await _exactly(sock, 4)
    length = {1: 4, 4: 16}.get(kind) or ((await _exactly(sock, 1))[0] if kind == 3 else None)
    if version != 5 or length is None:
        raise DialError(f"proxy_configuration_error: what the parent proxy {parent} answers is not SOCKS5")
    if reply:
        error, why = _REPLIES.get(reply, _REPLIES[1])
        raise DialError(f"{error}: the parent proxy {parent} {why} (reply {reply})")
    await _exactly(sock, length + 2)


async def _exactly(sock: socket.socket, length: int) -> bytes:
    octets = b""
    while len(octets) < length:
        more = await asyncio.get_running_loop().sock_recv(sock, length - len(octets))
        if not more:
            raise ConnectionResetError
        octets += more
    return octets


def _basic(credentials: tuple[str, str]) -> bytes:
    """RFC 7617 §2."""
    return b"Basic " + base64.b64encode(":".join(credentials).encode("utf-8"))
