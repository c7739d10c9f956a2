"""How lines and content are taken from what a client sends.  RFC 9112 §2.2, §7.1.

h11 reads both leniently: LF alone ends a line for it, and CR may stand anywhere in a chunk extension.  Another
recipient on the way may see other lines there, and so another message; here they are refused.
"""

import re
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer

from forward_proxy.addons.origins import WithoutTrailers

_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Unframed(Exception):
    """Content from a client is not framed as it was announced; the text is for the record."""


class Lines(ReceiveBuffer):
    """ReceiveBuffer whose lines end in CRLF; both methods raise RemoteProtocolError at anything like another end."""

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines up to the first empty one, which may be the first of all; None while there is none."""
        if self._data.startswith(b"\r\n"):
            self._extract(2)
            return []
        start = self._multiple_lines_search
        end = self._data.find(b"\r\n\r\n", start)
        if _BARE_LF.search(self._data, start, len(self._data) if end < 0 else end):
            raise h11.RemoteProtocolError("a line ends in LF without CR")
        if end < 0:
            # What was searched is not searched again: whoever sends octet by octet must not cost a square of them.
            self._multiple_lines_search = max(0, len(self._data) - 3)
            return None
        return self._extract(end + 4)[:-4].split(b"\r\n")

    def maybe_extract_next_line(self) -> bytearray | None:
        """One line with its CRLF: the head of a chunk."""
        start = self._next_line_search
        line = super().maybe_extract_next_line()
        if line is None and self._data.find(b"\n", start) >= 0:
            raise h11.RemoteProtocolError("a line ends in LF without CR")
        if line is not None and _CONTROL.search(line, 0, len(line) - 2):
            raise h11.RemoteProtocolError("a control character in the head of a chunk")
        return line

    def first_line_exceeds(self, length: int) -> bool:
        """Whether the first line, complete or not, is known to be longer than this many octets."""
        return len(self._data) >= length + 2 and self._data.find(b"\r\n", 0, length + 2) < 0


class Content(WithoutTrailers):
    """A reader of a client's content that tells a fault in its framing from one of the origin's."""

    def __call__(self, buffer: object) -> Any:
        try:
            return super().__call__(buffer)
        except h11.ProtocolError:
            raise Unframed("the chunks from client are malformed") from None

    def read_eof(self) -> Any:
        raise Unframed("the content from client ended early")
