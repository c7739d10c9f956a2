"""RFC 9111 §4.3.1: the conditional request that asks about stored responses."""

import pytest

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.validators import asked_about, can_be_validated, validating_edits
from tests.caching.messages import date, request, stored

MODIFIED = f"Last-Modified: {date(-500)}"
A, B = stored('ETag: "a"', name="a"), stored('ETag: W/"b"', name="b")
DATED, PLAIN = stored(MODIFIED, name="dated"), stored(name="plain")
BOTH = stored('ETag: "c"', MODIFIED, name="both")


@pytest.mark.parametrize(
    ("lines", "status", "askable"),
    [
        (['ETag: "a"'], 200, True),
        ([MODIFIED], 200, True),
        (['ETag: "a"'], 203, True),
        (['ETag: "a"'], 404, False),  # RFC 9110 §13.2.1: preconditions are for what would be a 2xx.
        ([MODIFIED], 301, False),
        (["ETag: a"], 200, False),
        (['ETag: "a"', 'ETag: "b"'], 200, False),
        (["Last-Modified: once"], 200, False),
        ([], 200, False),
    ],
)
def test_what_can_be_validated(lines: list[str], status: int, askable: bool) -> None:
    assert can_be_validated(stored(*lines, status=status)) is askable


def test_entity_tags_can_ask_about_several_and_a_date_about_one() -> None:
    assert asked_about([PLAIN, DATED, A, B]) == (A, B)
    assert asked_about([PLAIN, DATED, stored(MODIFIED)]) == (DATED,)
    assert asked_about([PLAIN]) == ()
    assert len(asked_about([stored(f'ETag: "{n}"') for n in range(99)])) < 10


@pytest.mark.parametrize(
    ("presented", "asked", "sent"),
    [
        ([], [A], ['If-None-Match: "a"']),  # The entity tag MUST be sent,
        ([], [B], ['If-None-Match: W/"b"']),
        ([], [DATED], [f"If-Modified-Since: {date(-500)}"]),  # the date SHOULD be,
        ([], [BOTH], ['If-None-Match: "c"', f"If-Modified-Since: {date(-500)}"]),
        ([], [BOTH, A], ['If-None-Match: "c", "a"']),  # when a single response is asked about.
        # §4.3.2: the union of both lists, ours first, none twice.
        (['If-None-Match: "x", W/"b"'], [A, B], ['If-None-Match: "a", W/"b", "x"']),
        (["If-None-Match: *"], [A], ['If-None-Match: "a"']),
        (["If-None-Match: x"], [A], ['If-None-Match: "a"']),
        # A date of the client's would make a 304 that speaks of its copy, not of ours.
        ([f"If-Modified-Since: {date(-9)}"], [A], ['If-None-Match: "a"']),
        ([f"If-Modified-Since: {date(-9)}"], [DATED], [f"If-Modified-Since: {date(-500)}"]),
        (['If-None-Match: "x"'], [DATED], [f"If-Modified-Since: {date(-500)}"]),
    ],
)
def test_the_preconditions_sent(presented: list[str], asked: list[StoredResponse], sent: list[str]) -> None:
    edited = request(*presented, "Accept: a").edited(validating_edits(request(*presented).fields, asked))
    assert edited == request("Accept: a", *sent)


def test_the_date_is_sent_as_the_origin_spelled_it() -> None:
    odd = stored("Last-Modified: Thursday, 14-JAN-27 08:00:00 gmt")
    edits = validating_edits(request().fields, [odd])
    assert dict(edits.set) == {b"if-modified-since": b"Thursday, 14-JAN-27 08:00:00 gmt"}
