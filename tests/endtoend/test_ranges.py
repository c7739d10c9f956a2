"""Are parts of what is stored sent as an origin would send them?  The origin to compare with is nginx."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from os import kill

import pytest

from .clients import Answer, curl, through
from .content import octets
from .proxy import Proxy
from .site import Site

pytestmark = pytest.mark.xdist_group("stored")
START_S = 20
NAME = "nginx.test"
SIZE = 1_000_000
CONTENT = octets("ranges", SIZE)

_CONFIGURATION = """
master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ }}
http {{
  access_log off; default_type text/x-parts;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{
    listen 127.0.0.1:{port};
    location /content {{ alias {folder}/content; add_header Cache-Control max-age=600; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The authority of an nginx that has CONTENT at /content."""
    if (program := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")) is None:
        pytest.skip("not installed: nginx")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "content").write_bytes(CONTENT)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    (folder / "conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
    # It comes back once its socket listens, and leaves a process behind.
    subprocess.run([program, "-e", f"{folder}/errors", "-c", f"{folder}/conf"], check=True, timeout=START_S)
    try:
        yield f"{NAME}:{port}"
    finally:
        kill(int((folder / "pid").read_text()), signal.SIGTERM)


@pytest.fixture(scope="module", params=["on", "off"])
def storing(
    site: Site, nginx: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy, with the fast lane or without, that has stored what nginx has."""
    options = ["--resolve", f"{nginx}:127.0.0.1", "--fast-lane", request.param]
    with Proxy(tmp_path_factory.mktemp("proxy"), site, options=options) as proxy:
        assert curl(*through(proxy), f"http://{nginx}/content").content == CONTENT
        yield proxy


def parts(answer: Answer) -> list[tuple[str, str, bytes]]:
    """Content-Range, Content-Type and content of each part, as an email program reads a multipart."""
    head = f"Content-Type: {answer.field('content-type')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP.clone(linesep="\r\n")).parsebytes(head + answer.content)
    assert message.get_content_type() == "multipart/byteranges"
    assert not message.defects
    return [
        (part["Content-Range"], part["Content-Type"], part.get_payload(decode=True)) for part in message.iter_parts()
    ]


def both(nginx: str, proxy: Proxy, *arguments: str) -> tuple[Answer, Answer]:
    """What nginx answers, and what the proxy does without asking it."""
    url = f"http://{nginx}/content"
    direct = curl("--noproxy", "*", "--resolve", f"{nginx}:127.0.0.1", *arguments, url)
    answer = curl(*through(proxy), *arguments, url)
    assert "forward-proxy; hit" in answer.field("cache-status")
    return direct, answer


@pytest.mark.parametrize(
    "ranges", ["0-1,5-9", "500000-500099,0-0,-3", "0-1,1000000-,5-9", "7-7,-900000", "300000-599999,0-299998"]
)
def test_several_ranges(nginx: str, storing: Proxy, ranges: str) -> None:
    expected, answer = both(nginx, storing, "-r", ranges)
    assert (answer.status, expected.status) == (206, 206)
    assert parts(answer) == parts(expected)
    assert answer.field("content-range") == expected.field("content-range") == ""
    assert answer.field("content-length") == str(len(answer.content))
    assert answer.field("etag") == expected.field("etag")
    for told, _, content in parts(answer):
        first, last = map(int, told.removeprefix("bytes ").partition("/")[0].split("-"))
        assert content == CONTENT[first : last + 1]


@pytest.mark.parametrize(
    ("ranges", "status"),
    [("0-9", 206), ("-5", 206), ("999999-", 206), ("5-6,1000000-", 206), ("1000000-", 416), ("1000000-,1000005-", 416)],
)
def test_one_range_or_none(nginx: str, storing: Proxy, ranges: str, status: int) -> None:
    expected, answer = both(nginx, storing, "-r", ranges)
    assert (answer.status, expected.status) == (status, status)
    assert answer.field("content-range") == expected.field("content-range") != ""
    if status == 206:
        assert answer.content == expected.content


def test_if_range(nginx: str, storing: Proxy) -> None:
    etag = curl(*through(storing), "--head", f"http://{nginx}/content").field("etag")
    for tag, status in ((etag, 206), ('"other"', 200)):
        expected, answer = both(nginx, storing, "-r", "0-1,5-9", "-H", f"If-Range: {tag}")
        assert (answer.status, expected.status) == (status, status)


def test_many_ranges_cost_no_more_than_the_whole(nginx: str, storing: Proxy) -> None:
    """RFC 9110 §17.15: a small request for the same bytes again and again."""
    ranges = ",".join(["0-"] * 1300)
    _, answer = both(nginx, storing, "-H", f"Range: bytes={ranges}")
    assert (answer.status, answer.content) == (200, CONTENT)
    _, answer = both(nginx, storing, "-r", ",".join(["0-", "-999999"] * 16))
    assert (answer.status, answer.content, answer.field("content-range")) == (
        206,
        CONTENT,
        f"bytes 0-{SIZE - 1}/{SIZE}",
    )


def test_curl_goes_on_where_it_was_cut_off(nginx: str, storing: Proxy) -> None:
    _, answer = both(nginx, storing, "-C", "400000")
    assert answer.content == CONTENT[400_000:]
