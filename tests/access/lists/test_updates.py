import pytest

from forward_proxy.access.lists.updates import SHOWN, Difference, difference, doubts
from tests.access.lists.lists import compiled


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (0, 0, ("it holds no rule",)),
        (10, 0, ("it holds no rule",)),
        (0, 1, ()),
        (10, 7, ()),
        (10, 6, ("it shrank by 40%, from 10 to 6 rules",)),
        (10, 1000, ()),
    ],
)
def test_an_edition_that_is_empty_or_has_shrunk_is_in_doubt(before: int, after: int, told: tuple[str, ...]) -> None:
    assert doubts(before, after, 0.3) == told


def test_a_difference_counts_all_and_names_some() -> None:
    before, after = compiled("a.test\nb.test\n"), compiled("b.test\nc.test\n")
    assert difference(before, after) == Difference(1, 1, ("c.test",), ("a.test",))
    assert difference(before, before) == Difference()
    assert difference(None, after).added == 2
    many = compiled("".join(f"h{number}.test\n" for number in range(25_000)))
    told = difference(before, many)
    assert (told.added, told.removed, len(told.examples_added)) == (25_000, 2, SHOWN)
