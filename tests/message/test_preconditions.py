"""RFC 9110 §8.8.3 and §13."""

import pytest

from forward_proxy.message.dates import format_date
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.preconditions import EntityTag, not_modified, parse_entity_tag, parse_if_none_match

NOW = 1_800_000_000
A, B, WEAK_A = EntityTag(b'"a"'), EntityTag(b'"b"'), EntityTag(b'"a"', weak=True)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (b'"a"', A),
        (b' "a"\t', A),
        (b'W/"a"', WEAK_A),
        (b'""', EntityTag(b'""')),
        (b'"a,b\\"', EntityTag(b'"a,b\\"')),
        (b'"\xfc"', EntityTag(b'"\xfc"')),
        (b"a", None),
        (b'w/"a"', None),  # §8.8.3: the weakness indicator is case-sensitive.
        (b'W"a"', None),
        (b'"a b"', None),
        (b'"a"b"', None),
        (b'"a", "b"', None),
        (b"", None),
    ],
)
def test_entity_tag_8_8_3(value: bytes, tag: EntityTag | None) -> None:
    assert parse_entity_tag(value) == tag


@pytest.mark.parametrize(
    ("first", "second", "strongly", "weakly"),
    [(WEAK_A, WEAK_A, False, True), (WEAK_A, B, False, False), (WEAK_A, A, False, True), (A, A, True, True)],
)
def test_comparison_table_8_8_3_2(first: EntityTag, second: EntityTag, strongly: bool, weakly: bool) -> None:
    assert (first.strongly_matches(second), first.weakly_matches(second)) == (strongly, weakly)
    assert (second.strongly_matches(first), second.weakly_matches(first)) == (strongly, weakly)


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (b'"a"', (A,)),
        (b'"a", W/"a" ,"b"', (A, WEAK_A, B)),
        (b'"a,b", "a"', (EntityTag(b'"a,b"'), A)),
        (b'"\\", "a"', (EntityTag(b'"\\"'), A)),  # A backslash escapes nothing.
        (b' , "a",,', (A,)),
        (b" * ", "*"),
        (b'*, "a"', ()),
        (b'"a" "b"', ()),
        (b'"a", b', ()),
        (b'"a', ()),
        (b"", ()),
    ],
)
def test_if_none_match_list_13_1_2(value: bytes, tags: object) -> None:
    assert parse_if_none_match(value) == tags


@pytest.mark.parametrize(
    ("wanted", "etag", "unmodified"),
    [
        (b'"a"', A, True),
        (b'W/"a"', A, True),  # §13.1.2: the weak comparison.
        (b'"b", "a"', WEAK_A, True),
        (b'"b"', A, False),
        (b"*", A, True),
        (b"*", None, True),  # §13.1.2: any current representation.
        (b'"a"', None, False),
        (b"a", A, False),
    ],
)
def test_if_none_match(wanted: bytes, etag: EntityTag | None, unmodified: bool) -> None:
    assert not_modified(FieldSection([(b"if-none-match", wanted)]), etag, None, NOW) is unmodified


@pytest.mark.parametrize(
    ("since", "modified_at", "unmodified"),
    [
        ([format_date(NOW)], NOW, True),
        ([format_date(NOW)], NOW - 1, True),
        ([format_date(NOW)], NOW + 1, False),
        ([format_date(NOW)], None, False),
        ([b"Friday, 15-Jan-27 08:00:00 GMT"], NOW, True),
        ([b"soon"], NOW, False),  # §13.1.3: an invalid date is ignored,
        ([format_date(NOW), format_date(NOW)], NOW, False),  # and so is more than one member.
    ],
)
def test_if_modified_since(since: list[bytes], modified_at: int | None, unmodified: bool) -> None:
    conditions = FieldSection((b"if-modified-since", value) for value in since)
    assert not_modified(conditions, None, modified_at, NOW) is unmodified


@pytest.mark.parametrize(("tag", "unmodified"), [(b'"b"', False), (b'"a"', True), (b"garbage", False)])
def test_if_none_match_leaves_if_modified_since_unread_13_1_3(tag: bytes, unmodified: bool) -> None:
    conditions = FieldSection([(b"if-none-match", tag), (b"if-modified-since", format_date(NOW))])
    assert not_modified(conditions, A, NOW, NOW) is unmodified


def test_without_preconditions_nothing_is_unmodified() -> None:
    assert not not_modified(FieldSection(), A, NOW, NOW)


def test_a_long_run_of_white_space_is_read_in_one_pass() -> None:
    assert parse_if_none_match(b" \t" * 30_000 + b"x") == ()
