"""RFC 9111 §4.3.2: the client's preconditions judged by what is stored; RFC 9110 §15.4.5: what a 304 carries."""

import pytest

from forward_proxy.caching.conditional import is_not_modified, not_modified_fields
from tests.caching.messages import date, request, section, stored

MODIFIED = f"Last-Modified: {date(-100)}"


@pytest.mark.parametrize(
    ("presented", "held", "not_modified"),
    [
        ('If-None-Match: "a"', ['ETag: "a"'], True),
        ('If-None-Match: "x", "a"', ['ETag: W/"a"'], True),
        ('If-None-Match: "b"', ['ETag: "a"'], False),
        ('If-None-Match: "a"', [], False),
        ("If-None-Match: *", [], True),
        ("If-None-Match: a", ["ETag: a"], False),
        (f"If-Modified-Since: {date(-100)}", [MODIFIED], True),
        (f"If-Modified-Since: {date(-101)}", [MODIFIED], False),
        # Without Last-Modified the Date is compared, without either the time of receipt.
        (f"If-Modified-Since: {date(-20)}", [f"Date: {date(-20)}"], True),
        (f"If-Modified-Since: {date(-21)}", [f"Date: {date(-20)}"], False),
        (f"If-Modified-Since: {date()}", ["Date: never", "Last-Modified: never"], True),
        (f"If-Modified-Since: {date(-1)}", ["Date: never"], False),
        # Not for a cache to judge.
        ('If-Match: "b"', ['ETag: "a"'], False),
        (f"If-Unmodified-Since: {date()}", [MODIFIED], False),
        ("Accept: a", ['ETag: "a"'], False),
    ],
)
def test_preconditions_against_a_stored_200(presented: str, held: list[str], not_modified: bool) -> None:
    assert is_not_modified(request(presented), stored(*held)) is not_modified


@pytest.mark.parametrize("status", [203, 204, 301, 404, 500])
def test_only_a_stored_200_is_judged(status: int) -> None:
    assert not is_not_modified(request("If-None-Match: *"), stored(status=status))


def test_if_none_match_takes_precedence() -> None:
    asked = request('If-None-Match: "b"', f"If-Modified-Since: {date()}")
    assert not is_not_modified(asked, stored('ETag: "a"', MODIFIED))


WANTED = ["Cache-Control: a", "Content-Location: /", "Date: x", 'ETag: "a"', "Expires: 0", "Vary: A"]
METADATA = ["Content-Type: a/b", "Content-Length: 9", "Content-Encoding: gzip", "Content-Language: en"]


def test_a_304_has_the_wanted_fields_and_no_representation_metadata() -> None:
    assert not_modified_fields(section(*WANTED, *METADATA, MODIFIED, "X: 1")) == section(*WANTED, "X: 1")


def test_last_modified_stays_where_there_is_no_etag() -> None:
    assert not_modified_fields(section(MODIFIED)) == section(MODIFIED)
