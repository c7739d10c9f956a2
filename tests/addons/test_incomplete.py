"""RFC 9111 §3.3, RFC 9112 §8: what did not come whole is seen to be so, and answers nobody later."""

from contextlib import closing, suppress
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest

from tests.addons.engine import Origin, Running, running_engine, running_origin
from tests.policy.building import policy

HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = HEAD + b"Content-Length: 10\r\n\r\n0123456789"
INCOMPLETE = {
    "short of its length": HEAD + b"Content-Length: 10\r\n\r\n01234",
    "without any of its length": HEAD + b"Content-Length: 10\r\n\r\n",
    "without the last chunk": CHUNKED + b"5\r\n01234\r\n",
    "in the midst of a chunk": CHUNKED + b"a\r\n01234",
    "in the midst of a size": CHUNKED + b"5\r\n01234\r\n1",
    "before the line end of a chunk": CHUNKED + b"5\r\n01234",
    "in the midst of the last chunk": CHUNKED + b"5\r\n01234\r\n0\r\n",
    "in the midst of a trailer field": CHUNKED + b"5\r\n01234\r\n0\r\nX-A: ",
    "with a size that is none": CHUNKED + b"5\r\n01234\r\nxyz\r\n",
    "in the midst of the head": HEAD,
}
# Nothing says whether these are whole.
UNDELIMITED = {
    "ends with the connection": HEAD + b"\r\n01234",
    "ends with the connection of HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + b"\r\n01234",
}


def got(running: Running, origin: Origin, fields: dict[str, str] | None = None) -> tuple[int, bytes | None]:
    """Status and content of one exchange; None for content that is seen not to be whole."""
    before = len(running.records)
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=20)) as client:
        client.request("GET", f"http://127.0.0.1:{origin.port}/", headers=fields or {})
        with client.getresponse() as answer:
            content = None
            with suppress(IncompleteRead, ConnectionError):
                content = answer.read()
    assert running.records.wait_for(before + 1)
    return answer.status, content


def is_kept(running: Running) -> bool:
    return any(running.store.scan())


@pytest.mark.parametrize("answer", INCOMPLETE.values(), ids=INCOMPLETE)
def test_what_is_cut_off_is_seen_and_not_kept(tmp_path: Path, answer: bytes) -> None:
    with running_origin(answer) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        for number in (1, 2):
            status, content = got(running, origin)
            assert status == 502 or content is None
            assert len(origin.received) >= number
            assert not is_kept(running)
        origin.answer = WHOLE
        assert got(running, origin) == (200, b"0123456789")
        assert is_kept(running)


@pytest.mark.parametrize("answer", UNDELIMITED.values(), ids=UNDELIMITED)
def test_what_may_be_cut_off_is_not_kept(tmp_path: Path, answer: bytes) -> None:
    with running_origin(answer) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        assert got(running, origin) == (200, b"01234")
        assert not is_kept(running)


def test_going_on_where_it_was_cut_off_makes_nothing_whole(tmp_path: Path) -> None:
    """What the client puts together is its own affair; of what came to us no answer was whole."""
    first = INCOMPLETE["short of its length"]
    rest = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789"
    with running_origin(first) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        assert got(running, origin) == (200, None)
        origin.answer = rest
        assert got(running, origin, {"Range": "bytes=5-"}) == (206, b"56789")
        origin.answer = WHOLE
        assert got(running, origin) == (200, b"0123456789")
        assert len(origin.received) == 3
