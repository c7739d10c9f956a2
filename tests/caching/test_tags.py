import pytest

from forward_proxy.caching.tags import tags_of
from tests.caching.messages import section


@pytest.mark.parametrize(
    ("lines", "tags"),
    [
        ([], []),
        (["Surrogate-Key: a b\tc"], [b"a", b"b", b"c"]),
        (["Surrogate-Key:  a   b ", "Surrogate-Key: c"], [b"a", b"b", b"c"]),
        (["Surrogate-Key: a,b"], [b"a,b"]),
        (["Cache-Tag: a, b ,,c,"], [b"a", b"b", b"c"]),
        (["Cache-Tag: a b"], [b"a b"]),
        (["Cache-Tag: A", "Surrogate-Key: B"], [b"a", b"b"]),
        (["Cache-Tag:", "Surrogate-Key:"], []),
        (["Cache-Tag: \u00e4"], [b"\xe4"]),
        (["X-Cache-Tag: a"], []),
    ],
)
def test_tags_of_both_fields(lines: list[str], tags: list[bytes]) -> None:
    assert tags_of(section(*lines)) == frozenset(tags)
