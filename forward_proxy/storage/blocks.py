"""How is content told from damaged content?  In blocks of 256 KiB, each with its blake2b digest of 16 bytes.

A block is handed out only once its digest is found right, so no wrong byte leaves; blocks are small, so checking one
takes a fraction of a millisecond.  The root, a digest over the digests, stands in the stored response's record and ties
the head to its content.
"""

from collections.abc import Iterator
from hashlib import blake2b

BLOCK_BYTES = 256 << 10
DIGEST_BYTES = 16


def digest(octets: bytes | memoryview) -> bytes:
    return blake2b(octets, digest_size=DIGEST_BYTES).digest()


def root(digests: bytes) -> bytes:
    """The one digest that stands for all blocks, in their order."""
    return digest(digests)


def block_digests(content: bytes) -> bytes:
    """The digests of content that is whole in memory; none for no content."""
    return b"".join(digest(block) for block in _blocks(content))


def digest_of_block(digests: bytes, number: int) -> bytes:
    return digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]


def digests_bytes(content_bytes: int) -> int:
    """How long the digests of content of this length are together."""
    return -(-content_bytes // BLOCK_BYTES) * DIGEST_BYTES


class Digester:
    """Digests of content that arrives in chunks of any size."""

    __slots__ = ("_done", "_hash", "_room")

    def __init__(self) -> None:
        self._done = bytearray()
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self._room = BLOCK_BYTES

    def update(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while len(view):
            piece, view = view[: self._room], view[self._room :]
            self._hash.update(piece)
            self._room -= len(piece)
            if not self._room:
                self._next_block()

    def digests(self) -> bytes:
        """Of all blocks, the last one perhaps shorter; call it once, at the end."""
        if self._room < BLOCK_BYTES:
            self._next_block()
        return bytes(self._done)

    def _next_block(self) -> None:
        self._done += self._hash.digest()
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self._room = BLOCK_BYTES


def _blocks(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    return (view[at : at + BLOCK_BYTES] for at in range(0, len(view), BLOCK_BYTES))
