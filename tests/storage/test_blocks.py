from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.storage.blocks import (
    BLOCK_BYTES,
    DIGEST_BYTES,
    Digester,
    block_digests,
    digest,
    digest_of_block,
    digests_bytes,
)

LENGTHS = st.sampled_from([0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES - 7])


@given(LENGTHS, st.lists(st.integers(1, BLOCK_BYTES), max_size=8))
def test_digests_do_not_depend_on_the_chunks(length: int, cuts: list[int]) -> None:
    content = (b"0123456789abcde" * (length // 15 + 1))[:length]
    digester = Digester()
    rest = content
    for cut in cuts:
        digester.update(rest[:cut])
        rest = rest[cut:]
    digester.update(rest)
    digests = digester.digests()
    assert digests == block_digests(content)
    assert len(digests) == digests_bytes(length)


def test_each_block_has_its_own_digest() -> None:
    content = b"a" * BLOCK_BYTES + b"b"
    digests = block_digests(content)
    assert digest_of_block(digests, 0) == digest(b"a" * BLOCK_BYTES)
    assert digest_of_block(digests, 1) == digest(b"b")
    assert digest_of_block(digests, 2) == b""
    assert len(digest(b"")) == DIGEST_BYTES
