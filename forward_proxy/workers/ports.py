"""On which addresses do all workers listen?  They share each by SO_REUSEPORT, and the parent holds it meanwhile.

The parent's sockets are bound and do not listen, so they are given no connection; they keep the port, also one that the
system picked, while a worker is away.  SO_REUSEPORT would let a second proxy of the same user have the same port
unnoticed, so it is first bound without.
"""

import errno
import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack

from forward_proxy.errors import StartError

type Address = tuple[str, int]


def reserve(listen: Iterable[Address], held: ExitStack) -> list[Address]:
    """The numeric addresses of these hosts and ports, kept until `held` is closed.  Raises StartError."""
    reserved = []
    for host, port in listen:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, address in dict.fromkeys((each[0], each[4]) for each in found):
                _bound(family, address, shared=False).close()
                reserved.append(held.enter_context(_bound(family, address, shared=True)))
        except socket.gaierror as fault:
            raise StartError(f"cannot listen on {host}:{port}: {fault.strerror}") from fault
        except OSError as fault:
            raise StartError(f"cannot listen on {host}:{port}: {os.strerror(fault.errno or errno.EINVAL)}") from fault
    return [sock.getsockname()[:2] for sock in reserved]


def _bound(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
