"""RFC 9110 §14.6: the multipart that several parts are sent in."""

from forward_proxy.message.byteranges import length_of, multipart
from forward_proxy.message.ranges import Part

PARTS = (Part(500, 500, 8000), Part(7000, 1000, 8000))


def test_the_example_of_14_6() -> None:
    pieces = multipart(PARTS, b"application/pdf", b"THIS_STRING_SEPARATES")
    assert pieces == (
        b"--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 500-999/8000\r\n\r\n",
        PARTS[0],
        b"\r\n--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 7000-7999/8000\r\n\r\n",
        PARTS[1],
        b"\r\n--THIS_STRING_SEPARATES--\r\n",
    )
    assert length_of(pieces) == 1500 + sum(len(piece) for piece in pieces if isinstance(piece, bytes))


def test_no_type_is_made_up() -> None:
    assert multipart(PARTS, None, b"b")[0] == b"--b\r\nContent-Range: bytes 500-999/8000\r\n\r\n"
