"""Does the proxy run, and does it answer, in cleartext and inside TLS?  It is asked through itself.

The question goes no further than the first proxy (RFC 9110 §7.6.2), and the host of the tunnel is nobody's.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

from cryptography import x509

from forward_proxy.diagnosis.findings import Finding, Level
from forward_proxy.launching.running import QUESTION, address_of, head_of_answer, is_our_answer, is_ours
from forward_proxy.policy.pages import HOST
from forward_proxy.settings.endpoints import Endpoint

_PATIENCE_S = 3.0
_ABOUT = "listener"


def listeners(endpoints: tuple[Endpoint, ...]) -> Iterator[tuple[Finding, tuple[str, int] | None]]:
    """For each what was found, and its address where a proxy of ours answers in cleartext."""
    for endpoint in endpoints:
        address = address_of(endpoint)
        if endpoint.port == 0:
            yield Finding(Level.NOTE, _ABOUT, f"{endpoint}: the port is picked at each start, so nobody is asked"), None
        elif is_ours(address):
            yield Finding(Level.OK, _ABOUT, f"forward-proxy answers at {endpoint}"), None if endpoint.tls else address
        elif _connects(address):
            yield (
                Finding(
                    Level.ERROR,
                    _ABOUT,
                    f"another program listens at {endpoint}",
                    "stop it, or choose another port: --listen",
                ),
                None,
            )
        else:
            yield _free(endpoint, address), None


def leaf_shown(address: tuple[str, int]) -> x509.Certificate | str:
    """The certificate that the proxy shows inside a tunnel to a host that is nobody's, or why there is none."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # Who signed it is what we want to know.
    try:
        with socket.create_connection(address, _PATIENCE_S) as connection:
            connection.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
            status = head_of_answer(connection).split(b" ", 2)[1:2]
            if status != [b"200"]:
                return f"a tunnel is answered {status[0].decode('ascii', 'replace') if status else 'with nothing'}"
            with context.wrap_socket(connection, server_hostname=HOST) as inside:
                der = inside.getpeercert(binary_form=True)
                inside.sendall(QUESTION)
                if not is_our_answer(head_of_answer(inside)) or der is None:
                    return "a tunnel is not opened"
    except OSError as fault:
        return f"a tunnel is not opened: {fault.strerror or fault}"
    return x509.load_der_x509_certificate(der)


def _free(endpoint: Endpoint, address: tuple[str, int]) -> Finding:
    try:
        with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((endpoint.host, endpoint.port))
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        return Finding(
            Level.ERROR, _ABOUT, f"nothing can listen at {endpoint}: {reason}", "choose another address: --listen"
        )
    return Finding(Level.WARNING, _ABOUT, f"the proxy does not run: nothing listens at {endpoint}", "forward-proxy run")


def _connects(address: tuple[str, int]) -> bool:
    with suppress(OSError), socket.create_connection(address, _PATIENCE_S):
        return True
    return False
