import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.dates import format_date, parse_date

NOW = 1_795_000_000  # November 2026
EXAMPLE = 784_111_777  # the instant RFC 9110 §5.6.7 writes in all three forms


@pytest.mark.parametrize(
    "written",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"sun, 06 NOV 1994 08:49:37 gmt",
    ],
)
def test_the_three_forms_are_one_instant(written: bytes) -> None:
    assert parse_date(written, NOW) == EXAMPLE


@pytest.mark.parametrize(
    "written",
    [
        b"", b"0", b"-1", b"Sun, 06 Nov 1994 08:49:37 UTC", b"Sun, 06 Nov 1994 08:49:37 +0200",
        b"Sun, 06 Nov 1994 08:49:37", b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun, 31 Feb 1994 08:49:37 GMT", b"Sun, 06 Nov 1994 24:00:00 GMT", b"Sun, 06 Foo 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994  08:49:37 GMT", b"1994-11-06T08:49:37Z",
    ],
)  # fmt: skip
def test_what_is_no_http_date_is_none(written: bytes) -> None:
    assert parse_date(written, NOW) is None


def test_a_two_digit_year_is_at_most_fifty_years_ahead() -> None:
    assert parse_date(b"Sunday, 06-Nov-77 08:49:37 GMT", NOW) == parse_date(b"Sun, 06 Nov 1977 08:49:37 GMT", NOW)
    assert parse_date(b"Sunday, 06-Nov-76 08:49:37 GMT", NOW) == parse_date(b"Sun, 06 Nov 2076 08:49:37 GMT", NOW)


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_what_is_written_is_read_back(at: int) -> None:
    assert parse_date(format_date(at), NOW) == at


@given(st.binary())
def test_any_bytes_are_an_instant_or_none(value: bytes) -> None:
    assert isinstance(parse_date(value, NOW), int | None)
