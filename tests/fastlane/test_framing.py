"""RFC 9112 §6.3: where the answer to a request that was handed over ends."""

import pytest

from forward_proxy.fastlane.framing import Answered, Framer

WHOLE, LAST, NOT_YET = Answered.WHOLE, Answered.LAST, Answered.NOT_YET
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("octets", "end"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", WHOLE),
        (OK + b"Content-Length: 0\r\n\r\n", WHOLE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n", WHOLE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n", WHOLE),
        (b"HTTP/1.1 204 No Content\r\n\r\n", WHOLE),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", WHOLE),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", WHOLE),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + OK + b"Content-Length: 3\r\n\r\nabc", WHOLE),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", WHOLE),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", WHOLE),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 1\r\nConnection: close\r\n\r\na", LAST),
        (OK + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc", LAST),
        (b"no answer at all\r\n\r\n", LAST),
    ],
)
def test_an_answer_has_its_end_in_the_last_octet_wherever_it_is_cut(octets: bytes, end: Answered) -> None:
    whole = Framer(head_only=False, last=False)
    assert whole.feed(octets) is end
    if end is WHOLE:
        bit_by_bit = Framer(head_only=False, last=False)
        found = [bit_by_bit.feed(octets[at : at + 1]) for at in range(len(octets))]
        assert set(found[:-1]) == {NOT_YET}
        assert found[-1] is WHOLE


def test_what_ends_with_the_connection_has_no_end() -> None:
    framer = Framer(head_only=False, last=False)
    assert [framer.feed(OK + b"\r\n"), framer.feed(b"abc" * 1000)] == [NOT_YET, NOT_YET]


def test_the_answer_to_a_head_ends_with_its_head() -> None:
    assert Framer(head_only=True, last=False).feed(OK + b"Content-Length: 3\r\n\r\n") is WHOLE


def test_an_interim_response_to_a_head_does_not_end_it() -> None:
    framer = Framer(head_only=True, last=False)
    assert framer.feed(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") is NOT_YET
    assert framer.feed(OK + b"Content-Length: 3\r\n\r\n") is WHOLE


def test_after_the_last_request_the_connection_is_not_ours_any_more() -> None:
    assert Framer(head_only=False, last=True).feed(OK + b"Content-Length: 0\r\n\r\n") is LAST
