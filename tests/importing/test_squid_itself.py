"""The same questions put to Squid and to the rules that its configuration became: both have to refuse the same."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from forward_proxy.importing.carried import Imported
from forward_proxy.importing.squid import read_squid
from tests.importing.verdicts import denies

SQUID = shutil.which("squid") or shutil.which("squid", path="/usr/sbin")
DAYS = "MTWHFAS"
CONF = """\
acl SSL_ports port 443
acl Safe_ports port 80 443 1025-65535
acl bad dstdomain .ads.test exact.test
acl rx dstdom_regex -i ^track[0-9]+\\. \\.end$ mid.dle
acl up urlpath_regex -i \\.mp4$ ^/adv/ /banner[0-9]
acl ur url_regex ^http://[a-z]+\\.u\\.test/x
acl today time TODAY 0:00-23:59
acl other time OTHER
acl tm dstdomain tm.test
acl tn dstdomain tn.test
acl th dstdomain th.test
acl here src 127.0.0.1-127.0.0.3
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
http_access deny bad
http_access deny rx
http_access deny up
http_access deny ur
http_access deny tm today
http_access deny tn other
http_access allow th !other here
http_access deny th
http_access allow localhost
http_access deny all
"""
# Nothing leaves: what is allowed is answered 503, since it may go to a parent only and there is none.
AROUND = """
never_direct allow all
access_log none
cache_log /dev/null
pid_filename none
coredump_dir /
pinger_enable off
shutdown_lifetime 0 seconds
cache_mem 8 MB
"""
HOSTS = (
    "ads.test", "x.ads.test", "exact.test", "x.exact.test", "bads.test", "track7.x", "TRACK7.x", "xtrack7.x", "a.end",
    "a.end.x", "mid.dle", "xmidddley", "a.u.test", "1.u.test", "tm.test", "tn.test", "th.test", "ok.test",
)  # fmt: skip
PATHS = ("/", "/x", "/a.MP4", "/a.mp4?x", "/adv/", "/x/adv/", "/banner1", "/x?y=/banner2", "/bannerx")
pytestmark = pytest.mark.skipif(SQUID is None, reason="squid is not installed")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Imported]]:
    """The port that Squid listens on, and its configuration as imported."""
    day = datetime.now(UTC).weekday()
    conf = CONF.replace("TODAY", DAYS[day]).replace("OTHER", DAYS[(day + 3) % 7])
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    file: Path = tmp_path_factory.mktemp("squid") / "squid.conf"
    file.write_text(f"{conf}{AROUND}http_port 127.0.0.1:{port}\n")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [str(SQUID), "-N", "-f", str(file)]
    with subprocess.Popen(command, env={**os.environ, "TZ": "UTC"}, **quiet) as it:  # type: ignore[call-overload]
        try:
            while not _listens(port):
                assert it.poll() is None, "squid does not start"
                time.sleep(0.05)
            yield port, read_squid(conf)
        finally:
            it.kill()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _refuses(port: int, method: str, target: str) -> bool:
    host = target.partition("://")[2].partition("/")[0] or target
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1]) == 403


def test_requests(asked: tuple[int, Imported]) -> None:
    port, imported = asked
    urls = [f"http://{host}{at}{path}" for host, at, path in product(HOSTS, ("", ":81", ":8080"), PATHS)]
    here = datetime.now(UTC)
    differ = [url for url in urls if _refuses(port, "GET", url) != denies(imported, url, at=here)]
    assert differ == []


def test_tunnels(asked: tuple[int, Imported]) -> None:
    port, imported = asked
    here = datetime.now(UTC)
    differ = [
        f"{host}{at}"
        for host, at in product(HOSTS, (":443", ":8443", ":80"))
        if _refuses(port, "CONNECT", f"{host}{at}")
        != denies(imported, f"https://{host}{at}/", method="CONNECT", at=here)
    ]
    assert differ == []
