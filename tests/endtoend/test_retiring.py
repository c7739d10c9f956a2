"""Does a connection that its origin retires cost an exchange?  RFC 9113 §6.8.

The origin is nginx, which announces the end of each connection after so many requests; the client is curl, which asks
over one connection, so that the requests meet on one connection of the proxy's as well.
"""

import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from os import kill
from pathlib import Path

import pytest

from .clients import CURL_S, own_environ, through
from .proxy import Proxy
from .site import Site

NAME = "site.test"
LARGE = 5_000_000
SMALL = b"small"
_CONFIGURATION = """
master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    keepalive_requests 7;
    ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/chain.pem;
    location /small {{ return 200 "small"; }}
    location /large {{ alias {folder}/large; limit_rate 4m; }}
  }}
}}
"""


@pytest.fixture
def origin(site: Site, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx whose connections take seven requests each."""
    if (nginx := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")) is None:
        pytest.skip("not installed: nginx")
    folder = tmp_path / "nginx"
    folder.mkdir()
    site.ca.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(str(folder / "chain.pem"))
    (folder / "large").write_bytes(bytes(LARGE))
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    (folder / "conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
    # It comes back once its sockets listen, and leaves a process behind.
    subprocess.run([nginx, "-e", f"{folder}/errors", "-c", f"{folder}/conf"], check=True, timeout=CURL_S)
    try:
        yield f"{NAME}:{port}"
    finally:
        kill(int((folder / "pid").read_text()), signal.SIGTERM)


@pytest.fixture
def before_origin(site: Site, origin: str, tmp_path: Path) -> Iterator[Proxy]:
    settings: dict[str, object] = {"connect_ports": [int(origin.rpartition(":")[2])]}
    with Proxy(tmp_path, site, settings=settings, options=["--resolve", f"{origin}:127.0.0.1"]) as running:
        yield running


def answers(proxy: Proxy, *arguments: str) -> Counter[str]:
    """How many responses of each status, HTTP version and size curl got."""
    if shutil.which("curl") is None:
        pytest.skip("not installed: curl")
    command = ("curl", "-q", "--silent", "--http2", "--max-time", str(CURL_S), *through(proxy))
    report = ("--write-out", "\n%{http_code} %{http_version} %{size_download}\n", "--output", "/dev/null")
    done = subprocess.run((*command, *report, *arguments), env=own_environ(), capture_output=True, check=True)
    return Counter(done.stdout.decode().split("\n")) - Counter({"": len(done.stdout)})


def test_requests_one_after_the_other(before_origin: Proxy, origin: str) -> None:
    got = answers(before_origin, f"https://{origin}/small?[1-30]")
    assert got == {f"200 2 {len(SMALL)}": 30}


def test_requests_all_at_once(before_origin: Proxy, origin: str) -> None:
    got = answers(before_origin, "--parallel", "--parallel-max", "100", f"https://{origin}/small?[1-100]")
    assert got == {f"200 2 {len(SMALL)}": 100}


def test_a_download_on_a_connection_that_is_retired_meanwhile(before_origin: Proxy, origin: str) -> None:
    urls = (f"https://{origin}/large", "--output", "/dev/null", f"https://{origin}/small?[1-30]")
    got = answers(before_origin, "--parallel", "--parallel-max", "4", *urls)
    assert got == {f"200 2 {LARGE}": 1, f"200 2 {len(SMALL)}": 30}
