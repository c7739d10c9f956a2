"""What do the origins answer?  Octets that follow from a seed alone, so that a test can tell a wrong one anywhere."""

import struct
import zlib
from collections.abc import Iterator
from random import Random

BLOCK_BYTES = 1 << 18


def octets(seed: str, size_bytes: int) -> bytes:
    """The first octets of an endless sequence that belongs to the seed."""
    return b"".join(pieces(seed, size_bytes))


def pieces(seed: str, size_bytes: int) -> Iterator[bytes]:
    """The same octets a block at a time, at no cost in memory."""
    repeated = block(seed)
    for at in range(0, size_bytes, BLOCK_BYTES):
        yield repeated[: size_bytes - at]


def block(seed: str) -> bytes:
    """What the sequence repeats."""
    return Random(seed).randbytes(BLOCK_BYTES)


def png(seed: str) -> bytes:
    """An image of 8 by 8 pixels that any browser draws, one grey per seed."""
    rows = b"".join(b"\0" + octets(seed, 1) * 8 for _ in range(8))
    parts = (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
