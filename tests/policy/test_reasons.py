"""Whatever the cache does not do, it says why: in Cache-Status, and so in the log and in `explain`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_proxy import caching
from forward_proxy.caching import StoredResponse
from forward_proxy.message.dates import format_date
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.policy import Deny, Forward, Lookup, Policy, Relay, Serve, Validate
from tests.policy.building import LOCAL, NOW, policy, request, response, section

URLS = ("https://site.test/a", "https://site.test/a?q", "https://odd.test/a", "https://live.test/a")
RULES = """
cache:
  - { match: { host: live.test }, bypass: true }
  - { match: { host: odd.test }, min_fresh_s: 5, ignore: [no-store, vary], key: { drop_query: all } }
"""
ASKED: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"cache-control", b"no-cache"),
    (b"cache-control", b"max-age=1"),
    (b"cache-control", b"only-if-cached"),
    (b"pragma", b"no-cache"),
    (b"range", b"bytes=0-1,3-4"),
    (b"if-match", b'"a"'),
    (b"authorization", b"Basic eDp5"),
    (b"cookie", b"a=b"),
    (b"accept-language", b"de"),
)
ANSWERED: tuple[tuple[bytes, bytes], ...] = (
    *((b"cache-control", value) for value in (b"max-age=60", b"max-age=0", b"no-store", b"private", b"no-cache")),
    (b"cache-control", b"must-understand, max-age=60"),
    (b"etag", b'"a"'),
    (b"last-modified", format_date(NOW - 1000)),
    (b"expires", b"0"),
    (b"vary", b"*"),
    (b"vary", b"Accept-Language"),
    (b"vary", b"a b"),
    (b"set-cookie", b"a=b"),
    (b"content-length", b"9" * 20),
    (b"connection", b"etag"),
)
STATUSES = (200, 201, 206, 302, 304, 404, 429, 500)

lines_asked = st.lists(st.sampled_from(ASKED), max_size=3).map(FieldSection)
lines_answered = st.lists(st.sampled_from(ANSWERED), max_size=4).map(FieldSection)
requests = st.builds(
    lambda url, method, fields, content: replace(request(url, method), fields=fields, has_content=content),
    st.sampled_from(URLS),
    st.sampled_from(("GET", "GET", "GET", "HEAD", "POST", "OPTIONS")),
    lines_asked,
    st.sampled_from((False, False, False, True)),
)
responses = st.builds(ResponseHead, st.sampled_from(STATUSES), lines_answered, st.sampled_from((True, True, False)))
# Without heuristics, age and selecting fields that differ there is hardly a way to miss.
held = st.builds(
    lambda fields, selecting, age: (fields, selecting, age),
    lines_answered,
    lines_asked,
    st.sampled_from((0, 10, 5000)),
)


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "private"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return policy(tmp_path_factory.mktemp("rules"), RULES, caching_options=caching.Options(shared=request.param))


def sent_for(door: Policy, head: RequestHead, candidates: list[tuple[FieldSection, FieldSection, int]]) -> object:
    decision = door.on_request(head, LOCAL, (), NOW)
    if not isinstance(decision, Lookup):
        return decision
    stored = tuple(
        StoredResponse(decision.key, 200, fields, selecting, NOW - age, NOW - age, f"{place}", 4)
        for place, (fields, selecting, age) in enumerate(candidates)
    )
    return door.on_stored(decision, stored, NOW)


def told(section: FieldSection) -> Iterator[str]:
    """The details of our own Cache-Status members."""
    for value in section.get_all(b"cache-status"):
        yield value.decode().partition('detail="')[2]


@settings(max_examples=600)
@given(requests, st.lists(held, max_size=2), responses)
def test_nothing_that_is_not_answered_or_not_stored_goes_without_a_word(
    door: Policy, head: RequestHead, candidates: list[tuple[FieldSection, FieldSection, int]], answer: ResponseHead
) -> None:
    sent = sent_for(door, head, candidates)
    if isinstance(sent, Deny):
        assert sent.reason.removeprefix("only-if-cached: ")
        return
    assert isinstance(sent, Serve | Forward | Validate)
    if isinstance(sent, Serve):
        return
    assert sent.detail
    decision = door.on_response(sent, answer, NOW, NOW)
    if isinstance(decision, Relay):
        assert decision.detail.startswith(sent.detail)
        if decision.storing is None:
            why = decision.detail.removeprefix(sent.detail)
            assert why.startswith("; ") or sent.fwd == "bypass"
        assert all(told(FieldSection(decision.edits.set)))
    elif isinstance(decision, Serve):
        assert decision.detail
        assert all(told(decision.delivery.head.fields))


@pytest.mark.parametrize(
    ("asked", "stored", "detail"),
    [
        ({}, None, "uri-miss: nothing stored for this address"),
        ({"accept_language": "en"}, {"vary": "Accept-Language"},
         "vary-miss: stored for other values of Accept-Language"),
        ({}, {"vary": "*"}, "vary-miss: what is stored has a Vary that matches no request"),
        ({}, {"cache_control": "max-age=60", "etag": '"a"'}, "stale: stale for 40 s"),
        ({}, {"cache_control": "max-age=60"}, "stale: stale for 40 s, no validator"),
        ({}, {"etag": '"a"'}, "stale: no lifetime given"),
        ({}, {"cache_control": "no-cache", "etag": '"a"'}, "stale: no-cache in response"),
        ({}, {"cache_control": "no-store"}, "stale: no-store in response, no validator"),
        ({}, {"cache_control": "private"}, "uri-miss: what is stored is personal, with shared profile"),
        ({"cache_control": "no-cache"}, {"cache_control": "max-age=600"}, "request: no-cache in request, no validator"),
        ({"cache_control": "no-store"}, {"cache_control": "max-age=600"}, "request: no-store in request"),
        ({"if_match": '"a"'}, None, "bypass: precondition for the origin"),
    ],
)  # fmt: skip
def test_why_the_origin_is_asked(
    tmp_path: Path, asked: dict[str, str], stored: dict[str, str] | None, detail: str
) -> None:
    door = policy(tmp_path)
    candidates = [] if stored is None else [(section(**stored), section(accept_language="de"), 100)]
    sent = sent_for(door, request("https://site.test/a", **asked), candidates)
    assert isinstance(sent, Forward | Validate)
    assert f"{sent.fwd}: {sent.detail}" == detail


def test_a_lifetime_that_is_not_guessed_for_a_query_is_said(tmp_path: Path) -> None:
    door = policy(tmp_path)
    modified = format_date(NOW - 10**6).decode()
    candidates = [(section(last_modified=modified), section(), 100)]
    sent = sent_for(door, request("https://site.test/a?q"), candidates)
    assert isinstance(sent, Validate)
    assert sent.detail == "no lifetime given, heuristics off for queries"
    sent = sent_for(door, request("https://site.test/a?q"), [])
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(404, last_modified=modified), NOW, NOW)
    assert isinstance(relay, Relay)
    assert relay.detail.endswith("; neither lifetime nor validator, heuristics off for queries")
