"""Is there a proxy of ours at this address?  Asked without a word to anybody else.

A request with `Max-Forwards: 0` goes no further than the first proxy (RFC 9110 §7.6.2), and ours says its name in
Proxy-Status (RFC 9209).  Whatever else listens there is not to be sent a program's requests.
"""

import socket
from contextlib import suppress
from ipaddress import ip_address

from forward_proxy.policy.pages import HOST, PROXY_NAME
from forward_proxy.settings.endpoints import Endpoint

_PATIENCE_S = 2.0
_LONGEST_HEAD = 65_536
_FIELDS = f"Host: {HOST}\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n"
QUESTION = f"OPTIONS / HTTP/1.1\r\n{_FIELDS}".encode()  # Inside a tunnel.
_QUESTION = f"OPTIONS http://{HOST}/ HTTP/1.1\r\n{_FIELDS}".encode()


def address_of(endpoint: Endpoint) -> tuple[str, int]:
    """Where to connect for what listens there: the wildcard is reached by loopback."""
    with suppress(ValueError):
        address = ip_address(endpoint.host)
        if address.is_unspecified:
            return ("127.0.0.1" if address.version == 4 else "::1"), endpoint.port
    return endpoint.host, endpoint.port


def url_of(address: tuple[str, int], *, tls: bool = False) -> str:
    return Endpoint(*address, tls=tls).url


def is_ours(address: tuple[str, int]) -> bool:
    """Whether a proxy of ours answers there.  Never raises."""
    with suppress(OSError), socket.create_connection(address, _PATIENCE_S) as connection:
        connection.sendall(_QUESTION)
        return is_our_answer(head_of_answer(connection))
    return False


def head_of_answer(connection: socket.socket) -> bytes:
    """What comes up to the end of a head; raises OSError."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD and (part := connection.recv(4096)):
        head += part
    return head


def is_our_answer(head: bytes) -> bool:
    return f"\r\nproxy-status: {PROXY_NAME};".encode() in head.lower()
