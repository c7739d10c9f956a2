"""A network of its own for one program, from which no way leads out but the proxy.  Linux only, without root.

A user namespace of the caller's is what allows a network namespace without privileges (user_namespaces(7)).  That has a
loopback interface and nothing else: no route, no address of the machine, not even its abstract Unix sockets.  A socket
belongs to the network it was made in, whoever has it: so the one the proxy listens on is made inside and handed out,
and the proxy, which stays outside, dials from there as always.

Sockets that are files (Docker's, D-Bus') are no part of a network, and stay reachable for whom their mode allows.
"""

import fcntl
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from forward_proxy.errors import StartError

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 1
_FLAGS = struct.Struct("16sh22x")  # struct ifreq with its flags.
_DESCRIPTORS = 3
_LONGEST_REASON = 200


class Namespace:
    """A network; `listener` listens in it, on a loopback port that the system has picked.

    Raises StartError where this system does not permit it.
    """

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise StartError("--confine: only Linux can do this")
        here, there = socket.socketpair()
        with here, there:
            pid = os.fork()
            if pid == 0:
                here.close()
                _in_child(_make, there)
            there.close()
            told, descriptors, _, _ = socket.recv_fds(here, _LONGEST_REASON, _DESCRIPTORS)
            os.waitpid(pid, 0)
        if len(descriptors) != _DESCRIPTORS:
            raise StartError(
                f"--confine: this system does not permit it: {told.decode('utf-8', 'replace') or 'unknown'}"
            )
        self._user, self._network, listening = descriptors
        self.listener = socket.socket(fileno=listening)

    def enter(self) -> None:
        """Move this process, which must have one thread, into the network for good.  Raises OSError."""
        os.setns(self._user, os.CLONE_NEWUSER)
        os.setns(self._network, os.CLONE_NEWNET)

    def close(self) -> None:
        self.listener.close()
        for descriptor in (self._user, self._network):
            os.close(descriptor)


def _in_child(make: Callable[[socket.socket], None], answers: socket.socket) -> None:
    """Never returns."""
    try:
        make(answers)
    except OSError as fault:
        with suppress(OSError):
            answers.send((fault.strerror or str(fault)).encode()[:_LONGEST_REASON])
    finally:
        os._exit(0)


def _make(answers: socket.socket) -> None:
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    own = Path("/proc/self")
    # Without setgroups(2), as the kernel asks of who has no privileges outside; and everybody stays who they are.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        (own / name).write_text(text)
    listener = socket.socket()
    request = _FLAGS.pack(b"lo", 0)
    _, flags = _FLAGS.unpack(fcntl.ioctl(listener, _SIOCGIFFLAGS, request))
    fcntl.ioctl(listener, _SIOCSIFFLAGS, _FLAGS.pack(b"lo", flags | _IFF_UP))
    listener.bind(("127.0.0.1", 0))
    namespaces = [os.open(own / "ns" / name, os.O_RDONLY | os.O_CLOEXEC) for name in ("user", "net")]
    socket.send_fds(answers, [b"!"], [*namespaces, listener.fileno()])
