"""RFC 9111 §4.3.3 to §4.3.5 and §3.2: what the origin's answer means for what is stored."""

from dataclasses import replace

import pytest

from forward_proxy.caching.conditional import is_not_modified
from forward_proxy.caching.options import Options
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.validation import (
    AskAgain,
    Freshened,
    HeadUpdate,
    PassOn,
    after_head,
    after_validation,
    freshen,
    identifies,
)
from forward_proxy.message.heads import RequestHead, ResponseHead
from tests.caching.messages import NOW, date, request, response, section, stored

OPTIONS = Options()
MODIFIED = f"Last-Modified: {date(-5000)}"
OLDER = f"Last-Modified: {date(-9000)}"


def validated(
    received: ResponseHead, *asked: StoredResponse, sent: RequestHead | None = None, options: Options = OPTIONS
) -> Freshened | PassOn | AskAgain:
    return after_validation(
        sent or request(), asked, received, request_at=NOW + 98, response_at=NOW + 99, options=options
    )


@pytest.mark.parametrize(
    ("held", "received", "identified"),
    [
        # Strong validators identify what has the same.
        (['ETag: "a"'], ['ETag: "a"'], True),
        (['ETag: "a"'], ['ETag: "b"'], False),
        (['ETag: W/"a"'], ['ETag: "a"'], False),
        (['ETag: "a"', MODIFIED], ['ETag: "b"', MODIFIED], False),
        (['ETag: "a"', MODIFIED], ['ETag: "a"', OLDER], True),
        # Weak ones what they correspond to.
        (['ETag: W/"a"'], ['ETag: W/"a"'], True),
        (['ETag: "a"'], ['ETag: W/"a"'], True),
        (['ETag: "a"'], ['ETag: W/"b"'], False),
        ([MODIFIED], [MODIFIED], True),
        (['ETag: "a"', MODIFIED], [MODIFIED], True),
        ([MODIFIED], [OLDER], False),
        # One kind on each side says nothing.
        (['ETag: "a"'], [MODIFIED], False),
        ([MODIFIED], ['ETag: "a"'], False),
        ([MODIFIED], ['ETag: "a"', MODIFIED], True),
    ],
)
def test_which_stored_response_a_304_identifies_4_3_4(held: list[str], received: list[str], identified: bool) -> None:
    one, answer = stored(*held), response(*received, status=304)
    assert identifies(one, answer, alone=True) is identified
    assert identifies(one, answer, alone=False) is identified


@pytest.mark.parametrize("held", [[], ['ETag: "a"'], [MODIFIED]])
def test_a_304_without_validator_means_the_only_one_asked_about(held: list[str]) -> None:
    assert identifies(stored(*held), response(status=304), alone=True)
    assert not identifies(stored(*held), response(status=304), alone=False)


def test_a_304_freshens_fields_times_and_nothing_else_3_2() -> None:
    one = stored(
        'ETag: "a"',
        "Cache-Control: max-age=2",
        "Age: 50",
        "Kept: 1",
        "Replaced: 1",
        "Replaced: 2",
        "Content-Length: 9",
        "Content-Type: text/css",
        "Content-Encoding: gzip",
        name="id",
    )
    received = response(
        'ETag: "a"',
        "Cache-Control: max-age=60",
        f"Date: {date(97)}",
        "Replaced: 3",
        "Added: 4",
        "Content-Length: 0",
        "Content-Type: text/html",
        "Content-Encoding: br",
        "Content-Range: x",
        "Connection: Named",
        "Named: 5",
        "Proxy-Authenticate: x",
        "Set-Cookie: a=b",
        status=304,
    )
    outcome = validated(received, one)
    assert isinstance(outcome, Freshened)
    fresh = outcome.reuse.stored
    assert (fresh.id, fresh.status, fresh.request_at, fresh.response_at) == ("id", 200, NOW + 98, NOW + 99)
    assert dict(fresh.fields) == dict(
        section(
            'ETag: "a"',
            "Cache-Control: max-age=60",
            f"Date: {date(97)}",
            "Kept: 1",
            "Replaced: 3",
            "Added: 4",
            "Content-Length: 9",
            "Content-Type: text/css",
            "Content-Encoding: gzip",
        )
    )
    assert fresh.fields.get_all(b"replaced") == (b"3",)
    assert (outcome.reuse.age, outcome.reuse.ttl, outcome.keep) == (2, 58, True)
    assert outcome.for_client == ((b"set-cookie", b"a=b"),)


def test_a_private_cache_updates_set_cookie_only_for_a_session_that_has_begun() -> None:
    for sent, kept, passed_on in (("Cookie: a=a", (b"a=b",), ()), ("X: 1", (), ((b"set-cookie", b"a=b"),))):
        asked = request(sent)
        outcome = after_validation(
            asked,
            [stored(MODIFIED)],
            response("Set-Cookie: a=b", status=304),
            request_at=NOW,
            response_at=NOW,
            options=Options(shared=False),
        )
        assert isinstance(outcome, Freshened)
        assert outcome.reuse.stored.fields.get_all(b"set-cookie") == kept
        assert outcome.for_client == passed_on
        assert (b"cookie" in outcome.reuse.stored.request_fields) is bool(kept)  # Personal from now on.


@pytest.mark.parametrize("lines", [[], ["Date: now"]])
def test_a_304_without_date_or_age_starts_the_sums_anew(lines: list[str]) -> None:
    outcome = validated(response(*lines, status=304), stored("Cache-Control: max-age=9", "Age: 900", at=-5000))
    assert isinstance(outcome, Freshened)
    assert outcome.reuse.stored.fields.get(b"date") == date(99).encode()
    assert (outcome.reuse.age, outcome.reuse.ttl) == (1, 8)


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        ("Cache-Control: no-store", False),
        ("Cache-Control: private", False),
        ("Vary: *", False),
        ("Cache-Control: no-cache", True),
        ("Vary: A", True),
    ],
)
def test_newer_fields_may_end_the_storing(line: str, keep: bool) -> None:
    outcome = validated(response(line, status=304), stored('ETag: "a"', "Cache-Control: max-age=9"))
    assert isinstance(outcome, Freshened)
    assert outcome.keep is keep


def test_a_field_newly_kept_out_leaves_the_stored_response_too() -> None:
    one = stored("Cache-Control: max-age=9", "X: 1", "Y: 2")
    updated = freshen(one, request(), response('Cache-Control: no-cache="x"', status=304), NOW, NOW, OPTIONS)
    assert b"x" not in updated.fields
    assert b"y" in updated.fields


def test_a_changed_vary_selects_by_the_request_just_validated_4_1() -> None:
    one = stored("Vary: A", selecting=("A: 1",))
    asked = request("A: 1", "B: 2", "C: 3")
    assert freshen(one, asked, response("Vary: B", status=304), NOW, NOW, OPTIONS).request_fields == section("B: 2")
    assert freshen(one, asked, response(status=304), NOW, NOW, OPTIONS).request_fields == section("A: 1")


@pytest.mark.parametrize(
    ("presented", "held", "received", "outcome"),
    [
        # §4.3.2: an entity tag that is not the client's is answered with a 200 from the store, its own with a 304.
        (['If-None-Match: "x"'], ['ETag: "a"'], ['ETag: "a"'], "200"),
        (['If-None-Match: "a"'], ['ETag: "a"'], ['ETag: "a"'], "304"),
        (['If-None-Match: "x"'], ['ETag: "a"'], ['ETag: "x"'], PassOn()),
        (['If-None-Match: W/"x"'], ['ETag: "a"'], ['ETag: "x"'], PassOn()),
        (['If-None-Match: "x"'], ['ETag: "a"'], [], PassOn()),  # Which of the two lists it means, nobody can tell.
        (['If-None-Match: "x"'], ['ETag: "a"'], ['ETag: "z"'], AskAgain()),
        ([], ['ETag: "a"'], ['ETag: "z"'], AskAgain()),  # §4.3.4: MUST NOT update.
        ([], ['ETag: "a"'], [], "200"),
        (["If-None-Match: *"], ['ETag: "a"'], [], "304"),
        (['If-None-Match: "x"'], [MODIFIED], [], "200"),
        ([f"If-Modified-Since: {date(-5000)}"], [MODIFIED], [MODIFIED], "304"),
        ([f"If-Modified-Since: {date(-6000)}"], [MODIFIED], [MODIFIED], "200"),
        ([f"If-Modified-Since: {date(-5000)}"], [MODIFIED], [OLDER], AskAgain()),
    ],
)
def test_a_304_and_the_clients_own_precondition(
    presented: list[str], held: list[str], received: list[str], outcome: object
) -> None:
    sent = request(*presented)
    decision = validated(response(*received, status=304), stored(*held), sent=sent)
    if isinstance(decision, Freshened):
        assert outcome == ("304" if is_not_modified(sent, decision.reuse.stored) else "200")
    else:
        assert decision == outcome


def test_a_strong_validator_updates_all_that_have_it_and_a_weak_one_the_most_recent() -> None:
    newer, older, other = stored('ETag: "a"', name="1"), stored('ETag: "a"', name="2"), stored('ETag: "b"', name="3")
    strong = validated(response('ETag: "a"', status=304), other, newer, older)
    weak = validated(response('ETag: W/"a"', status=304), other, newer, older)
    assert isinstance(strong, Freshened)
    assert isinstance(weak, Freshened)
    assert [strong.reuse.stored.id, *(one.id for one in strong.also)] == ["1", "2"]
    assert [weak.reuse.stored.id, *(one.id for one in weak.also)] == ["1"]


@pytest.mark.parametrize("status", [200, 203, 404, 412, 500, 503])
def test_any_other_response_is_the_clients_4_3_3(status: int) -> None:
    assert validated(response(status=status), stored('ETag: "a"')) == PassOn()


@pytest.mark.parametrize(
    ("held", "received", "updated"),
    [
        ([], [], True),
        (['ETag: "a"', MODIFIED, "Content-Length: 9"], ['ETag: "a"', MODIFIED, "Content-Length: 9"], True),
        (['ETag: "a"'], [], True),  # Only validators received have to match.
        (['ETag: "a"'], ['ETag: "b"'], False),
        ([], ['ETag: "b"'], False),
        ([MODIFIED], [OLDER], False),
        (["Content-Length: 9"], ["Content-Length: 8"], False),
        ([], ["Content-Length: 8"], False),
        ([], ["Content-Length: 4"], True),
        ([], ["Cache-Control: no-store"], False),
    ],
)
def test_a_head_updates_or_outdates_the_stored_get_4_3_5(held: list[str], received: list[str], updated: bool) -> None:
    one = replace(stored(*held, name="id"), content_bytes=4)
    update = after_head(
        request(method="HEAD"), [one], response("X: new", *received), request_at=NOW, response_at=NOW, options=OPTIONS
    )
    assert update.outdated == (() if updated else (one,))
    assert [fresh.fields.get(b"x") for fresh in update.freshened] == ([b"new"] if updated else [])


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 404), ("HEAD", 304)])
def test_only_a_200_to_a_head_teaches_anything(method: str, status: int) -> None:
    received = response(status=status)
    update = after_head(request(method=method), [stored()], received, request_at=NOW, response_at=NOW, options=OPTIONS)
    assert update == HeadUpdate()


def test_a_head_leaves_what_vary_keeps_from_it() -> None:
    one = stored("Vary: A", selecting=("A: 1",))
    received = response('ETag: "new"')
    update = after_head(request(method="HEAD"), [one], received, request_at=NOW, response_at=NOW, options=OPTIONS)
    assert update == HeadUpdate()


def test_a_304_undoes_a_soft_purge_and_a_head_does_not() -> None:
    purged = replace(stored('ETag: "a"', "Cache-Control: max-age=60"), stale_from=NOW)
    confirmed = validated(response('ETag: "a"', status=304), purged)
    assert isinstance(confirmed, Freshened)
    assert confirmed.reuse.stored.stale_from is None
    assert confirmed.reuse.ttl > 0
    received = response('ETag: "a"')
    update = after_head(
        request(method="HEAD"), [purged], received, request_at=NOW, response_at=NOW + 1, options=OPTIONS
    )
    assert [stored.stale_from for stored in update.freshened] == [NOW]
