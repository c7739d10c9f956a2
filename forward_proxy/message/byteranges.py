"""How are several parts of one representation sent?  As multipart/byteranges, RFC 9110 §14.6, RFC 2046 §5.1.

Content is written as pieces: octets that are sent as they are, and parts to be taken from the representation.
"""

from collections.abc import Sequence

from forward_proxy.message.ranges import Part

type Piece = bytes | Part


def multipart(parts: Sequence[Part], content_type: bytes | None, boundary: bytes) -> tuple[Piece, ...]:
    """The content of a 206 that has these parts; `content_type` is the representation's, None when it has none.

    The boundary must not occur in any of them.
    """
    pieces: list[Piece] = []
    line_break = b""
    for part in parts:
        lines = [b"--" + boundary, b"Content-Range: " + part.content_range]
        if content_type is not None:
            lines.insert(1, b"Content-Type: " + content_type)
        pieces += line_break + b"\r\n".join((*lines, b"", b"")), part
        line_break = b"\r\n"
    return (*pieces, b"\r\n--" + boundary + b"--\r\n")


def length_of(pieces: Sequence[Piece]) -> int:
    """How many octets they are."""
    return sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)
