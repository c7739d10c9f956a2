"""How is stored content read that is sent in parts, with octets of ours between them?  Like any other."""

from collections.abc import Iterator
from typing import Self

from forward_proxy.message.byteranges import Piece, length_of
from forward_proxy.message.ranges import Part
from forward_proxy.storage.content import Content

type Readable = Content | Pieces


class Pieces:
    """Some pieces of content, one after the other; it owns the content, and is closed as that is."""

    def __init__(self, content: Content, pieces: tuple[Piece, ...]) -> None:
        self.length = self.left = length_of(pieces)
        self._content = content
        self._blocks = self._read(pieces)

    def read_block(self) -> bytes:
        """The next octets; empty at the end.  Raises StorageError when they are damaged."""
        block = next(self._blocks, b"")
        self.left -= len(block)
        return block

    def read_all(self) -> bytes:
        """Everything not yet read."""
        return b"".join(iter(self.read_block, b""))

    def close(self) -> None:
        self._content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, pieces: tuple[Piece, ...]) -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            self._content.narrow(piece.first, piece.length)
            while self._content.left and (block := self._content.read_block()):
                yield block


def cut(content: Content, pieces: tuple[Piece, ...]) -> Readable:
    """The content as these pieces of it, or as it is when there are none; before anything is read."""
    match pieces:
        case ():
            return content
        case (Part() as part,):
            content.narrow(part.first, part.length)
            return content
    return Pieces(content, pieces)
