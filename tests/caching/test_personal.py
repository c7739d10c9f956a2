"""RFC 9111 §3.5, §5.2.2.7, §7.3: what is one person's, and for whom a private cache keeps it."""

from dataclasses import replace

import pytest

from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import Override
from forward_proxy.caching.personal import is_personal
from forward_proxy.caching.reuse import Miss, Reuse, after_failure, select
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.storing import NotStorable, Storable, may_store
from forward_proxy.caching.validation import Freshened, after_validation
from tests.caching.messages import NOW, request, response

SHARED, PRIVATE = Options(), Options(shared=False)
FRESH = "Cache-Control: max-age=60"
PERSONAL = "Cache-Control: max-age=60, private"
ALICE, BOB = "Cookie: session=alice", "Cookie: session=bob"

type Lines = list[str]


def kept(sent: Lines, received: Lines, options: Options = PRIVATE) -> StoredResponse:
    outcome = may_store(request(*sent), response(*received), request_at=NOW, response_at=NOW, options=options)
    assert isinstance(outcome, Storable), outcome
    return outcome.stored


def reused(stored: StoredResponse, sent: Lines, options: Options = PRIVATE) -> bool:
    return isinstance(select(request(*sent), [stored], NOW + 1, options), Reuse)


@pytest.mark.parametrize(
    ("sent", "received", "personal"),
    [
        ([], [PERSONAL], True),
        ([], ['Cache-Control: max-age=60, private="x"'], False),
        ([], ['Cache-Control: max-age=60, private="etag"'], True),
        (["Authorization: a"], [FRESH], True),
        (["Authorization: a"], [f"{FRESH}, public"], False),
        ([ALICE], [FRESH], False),  # §3: a cookie alone makes nothing personal; the origin has to say so.
        ([ALICE], [FRESH, "Set-Cookie: a=b"], True),
    ],
)
def test_what_is_personal(sent: Lines, received: Lines, personal: bool) -> None:
    stored = kept(sent, received)
    assert is_personal(stored, PRIVATE) is personal
    assert reused(stored, sent)
    assert reused(stored, [*sent, "Cookie: another=1"]) is not personal


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ([ALICE], [ALICE], True),
        ([ALICE], [BOB], False),
        ([ALICE], [], False),
        ([], [BOB], False),
        ([], [], True),
        (["Cookie: a=1; b=2"], ["Cookie: a=1", "Cookie: b=2"], True),  # RFC 9113 §8.2.3.
        (["Authorization: a"], ["Authorization: b"], False),
        (["Authorization: a"], [], False),
        (["Authorization: a", ALICE], ["Authorization: a", BOB], False),
        (["Authorization: a", ALICE], ["Authorization: a", ALICE], True),
    ],
)
def test_a_private_cache_reuses_it_for_the_same_credentials_only(first: Lines, second: Lines, same: bool) -> None:
    stored = kept(first, [PERSONAL])
    assert reused(stored, second) is same
    stale = after_failure(
        request(*second), [stored], NOW + 99, Options(shared=False, disconnected_stale_s=99), answered=False
    )
    assert (stale is not None) is same


@pytest.mark.parametrize("sent", [[], [ALICE], ["Authorization: a"]])
@pytest.mark.parametrize(
    "received", [[PERSONAL, 'ETag: "a"'], [FRESH, 'ETag: "a"', "Set-Cookie: a=b"], [FRESH, 'ETag: "a"']]
)
def test_a_shared_cache_has_no_use_for_what_a_private_one_has_stored(sent: Lines, received: Lines) -> None:
    outcome = may_store(request(*sent), response(*received), request_at=NOW, response_at=NOW, options=PRIVATE)
    if isinstance(outcome, Storable) and is_personal(outcome.stored, SHARED):
        assert select(request(*sent), [outcome.stored], NOW, SHARED) == Miss(
            "uri-miss", "what is stored is personal, with shared profile"
        )
        lenient = Options(disconnected_stale_s=10**6)
        assert after_failure(request(*sent), [outcome.stored], NOW, lenient, answered=False) is None


@pytest.mark.parametrize(
    ("sent", "received", "why"),
    [
        ([], [FRESH], "Set-Cookie that begins a session"),
        ([ALICE], [FRESH], ""),
        (["Authorization: a"], [FRESH], ""),
        ([ALICE], ["Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], "Set-Cookie without explicit lifetime"),
        ([ALICE], ['ETag: "a"'], "Set-Cookie without explicit lifetime"),
        ([ALICE], ["Cache-Control: max-age=0", 'ETag: "a"'], ""),
    ],
)
def test_set_cookie_is_stored_by_a_private_cache_within_a_session(sent: Lines, received: Lines, why: str) -> None:
    answer = response(*received, "Set-Cookie: a=b")
    outcome = may_store(request(*sent), answer, request_at=NOW, response_at=NOW, options=PRIVATE)
    assert (outcome.reason if isinstance(outcome, NotStorable) else "") == why
    shared = may_store(request(*sent), answer, request_at=NOW, response_at=NOW, options=SHARED)
    assert isinstance(shared, NotStorable)


def test_what_a_shared_cache_has_stored_serves_a_private_one() -> None:
    assert reused(kept([ALICE], [FRESH], SHARED), [BOB])
    assert reused(kept(["Authorization: a"], [f"{FRESH}, public"], SHARED), [])


@pytest.mark.parametrize(
    ("sent", "received", "ignore"),
    [
        ([ALICE], [PERSONAL], "private"),
        (["Authorization: a"], [FRESH], "authorization"),
    ],
)
@pytest.mark.parametrize("profile", [SHARED, PRIVATE])
def test_what_an_override_made_everybodys_is_personal_again_without_it(
    sent: Lines, received: Lines, ignore: str, profile: Options
) -> None:
    stored = kept(sent, received, replace(profile, override=Override(ignore=frozenset((ignore,)))))
    for others in ([], [BOB], ["Authorization: b"]):
        assert not reused(stored, others, profile)


@pytest.mark.parametrize("profile", [SHARED, PRIVATE])
def test_a_304_that_takes_back_the_leave_to_share_makes_it_personal_3_5(profile: Options) -> None:
    sent = request("Authorization: a")
    stored = kept(["Authorization: a"], [f"{FRESH}, public", 'ETag: "1"'], profile)
    assert reused(stored, [], profile)
    again = response(FRESH, 'ETag: "1"', status=304)
    freshened = after_validation(sent, [stored], again, request_at=NOW, response_at=NOW, options=profile)
    assert isinstance(freshened, Freshened)
    for others in ([], ["Authorization: b"]):
        assert not reused(freshened.reuse.stored, others, profile)


def test_a_digest_is_no_credential() -> None:
    stored = kept([ALICE], [PERSONAL])
    (digest,) = stored.request_fields.get_all(b"cookie")
    assert not reused(stored, [f"Cookie: {digest.decode()}"])
