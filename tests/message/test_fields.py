import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.fields import (
    Edits,
    FieldSection,
    connection_options,
    is_token,
    list_members,
)

NAMES = st.sampled_from((b"a", b"b", b"c", b"d"))
LINES = st.lists(st.tuples(NAMES, st.binary(max_size=3)), max_size=6)
EDITS = st.builds(
    lambda lines, drop: Edits(tuple(lines), frozenset(drop) - {name for name, _ in lines}), LINES, st.sets(NAMES)
)


def test_names_are_looked_up_in_lower_case_and_lines_keep_their_order() -> None:
    section = FieldSection([(b"Accept", b"a"), (b"X", b"1"), (b"ACCEPT", b"b")])
    assert section.get(b"accept") == b"a, b"
    assert section.get_all(b"accept") == (b"a", b"b")
    assert [name for name, _ in section] == [b"accept", b"x", b"accept"]
    assert section.get(b"absent") is None


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a, b ,c", [b"a", b"b", b"c"]),
        (b",, a,,", [b"a"]),
        (b'a="1,2", b', [b'a="1,2"', b"b"]),
        (b'a="\\",", b', [b'a="\\","', b"b"]),
        (b'"never closed, b', [b'"never closed', b"b"]),
        (b"\ta\t", [b"a"]),
    ],
)
def test_list_members_rfc9110_5_6_1(value: bytes, members: list[bytes]) -> None:
    assert list_members(value) == members


@given(st.binary())
def test_any_list_is_read_without_losing_a_plain_member(value: bytes) -> None:
    assert all(member == member.strip(b" \t") and member for member in list_members(value))
    assert list_members(b"first," + value)[0] == b"first"


@given(LINES, EDITS)
def test_an_edit_done_twice_is_done_once(lines: list[tuple[bytes, bytes]], edits: Edits) -> None:
    once = FieldSection(lines).edited(edits)
    assert once.edited(edits) == once


@given(LINES, EDITS, EDITS)
def test_joined_edits_are_the_one_and_then_the_other(
    lines: list[tuple[bytes, bytes]], first: Edits, then: Edits
) -> None:
    section = FieldSection(lines)
    by_turns, joined = section.edited(first).edited(then), section.edited(first | then)
    assert {name: by_turns.get_all(name) for name in by_turns.names()} == {
        name: joined.get_all(name) for name in joined.names()
    }


def test_connection_names_fields_whatever_their_case() -> None:
    assert connection_options(FieldSection([(b"connection", b"Close, X-Hop")])) == {b"close", b"x-hop"}


@pytest.mark.parametrize(("value", "answer"), [(b"GET", True), (b"a b", False), (b"", False), (b"a(", False)])
def test_token(value: bytes, answer: bool) -> None:
    assert is_token(value) is answer
