"""Lines and content: what ends them, and what pretends to."""

import h11
import pytest
from h11._readers import ChunkedReader, ContentLengthReader

from forward_proxy.addons.faults import fault_of
from forward_proxy.addons.reading import Content, Lines, Unframed


def lines(*pieces: bytes) -> list[bytes] | None:
    """What is extracted once the last piece has come."""
    buffer = Lines()
    for piece in pieces[:-1]:
        buffer += piece
        assert buffer.maybe_extract_lines() is None
    buffer += pieces[-1]
    found = buffer.maybe_extract_lines()
    return None if found is None else [bytes(line) for line in found]


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ((b"A\r\nB\r\n\r\n",), [b"A", b"B"]),
        ((b"A\r\n\r\nmore\n\n",), [b"A"]),
        ((b"\r\nA\r\n\r\n",), []),
        ((b"A\r\r\n\r\n",), [b"A\r"]),
        ((b"A\rB\r\n\r\n",), [b"A\rB"]),
        ((b"A\r\nB\r\n",), None),
        ((b"",), None),
    ],
)
def test_lines_end_in_crlf_alone_rfc9112_2_2(pieces: tuple[bytes, ...], found: list[bytes] | None) -> None:
    assert lines(*pieces) == found


def test_pieces_may_end_anywhere() -> None:
    head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n"
    assert lines(*(head[at : at + 1] for at in range(len(head)))) == [b"GET / HTTP/1.1", b"A: b"]
    for at in range(1, len(head)):
        assert lines(head[:at], head[at:]) == [b"GET / HTTP/1.1", b"A: b"]


@pytest.mark.parametrize(
    "pieces", [(b"\nA",), (b"A\nB",), (b"A\r\n\n",), (b"A\n\r\n",), (b"A", b"\n"), (b"A\r\nB", b"\n")]
)
def test_lf_alone_ends_none(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        lines(*pieces)


@pytest.mark.parametrize(
    ("octets", "longer"),
    [(b"x" * 10 + b"\r\n", False), (b"x" * 11, False), (b"x" * 12, True), (b"x" * 11 + b"\r\n", True)],
)
def test_a_first_line_is_longer_than_ten(octets: bytes, longer: bool) -> None:
    buffer = Lines()
    buffer += octets
    assert buffer.first_line_exceeds(10) is longer


def content(octets: bytes) -> bytes:
    buffer, reader, read = Lines(), Content(ChunkedReader()), b""
    buffer += octets
    while isinstance(event := reader(buffer), h11.Data):
        read += event.data
    assert event == h11.EndOfMessage()
    return read


@pytest.mark.parametrize("trailers", [b"", b"X-T: 1\r\n", b"X-T: 1\r\nX-U: 2\r\n"])
def test_trailers_are_read_and_dropped_rfc9110_6_5_1(trailers: bytes) -> None:
    assert content(b"5\r\nhello\r\n3;ext=1\r\nyou\r\n0\r\n" + trailers + b"\r\n") == b"helloyou"


@pytest.mark.parametrize(
    "octets",
    [
        b"ZZ\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"F" * 21 + b"\r\nhello",
        b"\r\n5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;a\0b\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\n",
        b"5\r\nhello\r\n0\r\nX: y\n\r\n",
        b"5\r\nhello\r\n0\r\nX\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    ],
)
def test_chunks_that_could_be_read_in_two_ways_are_the_client_s_fault_rfc9112_7_1(octets: bytes) -> None:
    with pytest.raises(Unframed) as told:
        content(octets)
    assert fault_of(str(told.value)).error == "http_request_error"


@pytest.mark.parametrize("reader", [ChunkedReader(), ContentLengthReader(5)])
def test_an_early_end_is_the_client_s_fault_rfc9112_8(reader: object) -> None:
    with pytest.raises(Unframed) as told:
        Content(reader).read_eof()
    assert fault_of(str(told.value)).error == "http_request_error"
