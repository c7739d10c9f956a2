"""curl as people run it, one call and its answer taken apart; and bare connections for what no client would send."""

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from .proxy import Proxy
from .site import Service, Site

CURL_S = 100
PATIENCE_S = 20
_PLAIN = ("-q", "--silent", "--max-time", str(CURL_S), "--write-out", "%{stderr}\n%{header_json}%{json}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What curl saw: exit status 0 means a whole response; `fields` are the last response's, by lower-case name."""

    exit_status: int
    status: int
    fields: dict[str, list[str]]
    content: bytes
    report: dict[str, Any]

    def field(self, name: str) -> str:
        """All lines of the field in one; empty when there are none."""
        return ", ".join(self.fields.get(name, []))


def own_environ() -> dict[str, str]:
    """This process's environment without any word about proxies."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def curl(*arguments: str, stdin: bytes = b"") -> Answer:
    """Runs curl with these arguments, none of the machine's settings; of several URLs the last one's answer counts.

    Skips the test where there is no curl.
    """
    if shutil.which("curl") is None:
        pytest.skip("not installed: curl")
    done = subprocess.run(
        ("curl", *_PLAIN, *arguments), input=stdin, env=own_environ(), capture_output=True, check=False
    )
    fields, report = _values(done.stderr.decode())[-2:]
    return Answer(done.returncode, report["response_code"], fields, done.stdout, report)


def _values(text: str) -> list[Any]:
    """The JSON values one after the other in the text: two for each URL that curl was given."""
    values, decoder = [], json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


def through(proxy: Proxy) -> tuple[str, ...]:
    """Options for everything by way of the proxy, trusting its CA alone."""
    trusting = ("--cacert", str(proxy.ca_file), "--proxy-cacert", str(proxy.ca_file))
    return ("--proxy", proxy.url, "--noproxy", "", *trusting)


def directly(site: Site) -> tuple[str, ...]:
    """Options for the site without a proxy, trusting its CA alone."""
    return ("--noproxy", "*", "--cacert", str(site.ca_file), *(w for t in site.resolve for w in ("--resolve", t)))


def connected(site: Site, proxy: Proxy, service: Service) -> socket.socket:
    """A connection to the proxy itself for http, and through it to the site for https, over TLS that the proxy ends."""
    client = socket.create_connection(proxy.host_and_port, timeout=20)
    if service == "http":
        return client
    authority = f"site.test:{site.ports[service]}"
    client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    assert client.recv(4096).startswith(b"HTTP/1.1 200")
    return ssl.create_default_context(cafile=proxy.ca_file).wrap_socket(client, server_hostname="site.test")


def eventually[T](ask: Callable[[], T], holds: Callable[[T], object]) -> T:
    """The first answer that holds, or the last one before patience ended.  Each asking takes time of its own."""
    deadline = monotonic() + PATIENCE_S
    while not holds(answer := ask()) and monotonic() < deadline:
        pass
    return answer
