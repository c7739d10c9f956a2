"""Every outcome in words."""

from pathlib import Path

import pytest

from forward_proxy.caching import CacheKey, Options, StoredResponse
from forward_proxy.explaining.rehearsal import rehearse
from forward_proxy.explaining.sentences import sentence, use_of
from forward_proxy.message.heads import RequestHead
from tests.policy.building import LOCAL, NOW, policy, request, section

URL = "http://example.com/"
RULES = """
rules:
  - { id: no-ads, action: deny, match: { path: /ads/* }, reason: "Nobody asked." }
  - { action: deny, match: { path: /plain/* } }
  - { id: ours, action: allow, match: { path: /ours/* } }
inspect:
  - { action: never, match: { host: bank.example } }
cache:
  - { bypass: true, match: { path: /live/* } }
tracking:
  - { id: labels, action: remove, parameters: utm_*, match: {} }
"""


def _stored(at: int = 0, selected_by: str = "", **fields: str) -> StoredResponse:
    selecting = section(accept_language=selected_by) if selected_by else section()
    return StoredResponse(CacheKey("GET", request(URL).target), 200, section(**fields), selecting, NOW + at, NOW + at)


FRESH = _stored(cache_control="max-age=60", etag='"a"')
STALE = _stored(-90, cache_control="max-age=60", etag='"a"')
BOUND = _stored(-90, cache_control="max-age=60, must-revalidate", etag='"a"')
BARE = _stored(-90, cache_control="max-age=60")
ALWAYS_ASK = _stored(cache_control="no-cache", etag='"a"')
GERMAN = _stored(cache_control="max-age=60", vary="accept-language", selected_by="de")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (request(URL + "ads/1"), "Denied with 403 by rule no-ads (FILE:3): Nobody asked."),
        (request(URL + "ours/1?utm_id=1", accept="text/html"),
         "Allowed by rule ours (FILE:5); redirected to http://example.com/ours/1."),
        (request(URL + "plain/1"), "Denied with 403 by the rule at FILE:4."),
        (request(URL + "ours/1"),
         "Allowed by rule ours (FILE:5); sent to the origin: nothing stored for this address."),
        (request("https://bank.example/"),
         "Allowed, as no rule matches; the tunnel is relayed unread, so no rule sees the requests inside."),
        (request("https://a.example/", "CONNECT"),
         "Let through; the tunnel is opened, and each request inside is judged by itself."),
        (request(URL, "POST"),
         "Allowed, as no rule matches; sent to the origin: POST is never answered from the cache."),
        (request(URL + "live/1"),
         "Allowed, as no rule matches; sent to the origin: the cache is not asked (bypass by FILE:9)."),
        (request(URL, cache_control="only-if-cached"),
         "Refused with 504 (http_request_error): only-if-cached: nothing stored for this address."),
    ],
)  # fmt: skip
def test_what_rules_and_method_decide(tmp_path: Path, asked: RequestHead, text: str) -> None:
    said = sentence(rehearse(policy(tmp_path, RULES), asked, LOCAL, NOW))
    assert said.replace(str(tmp_path / "rules.yaml"), "FILE") == text


@pytest.mark.parametrize(
    ("stored", "asked", "outcome", "use"),
    [
        (FRESH, request(URL), "answered from the cache with 200", "may be reused without asking"),
        (FRESH, request(URL, if_none_match='"a"'),
         "answered from the cache with 304 since the client has it already", "may be reused without asking"),
        (FRESH, request(URL, cache_control="no-cache"),
         "the origin is asked whether what is stored still holds: no-cache in request",
         "has to be validated first: no-cache in request"),
        (STALE, request(URL), "the origin is asked whether what is stored still holds: stale for 30 s",
         "has to be validated first: stale for 30 s; stands in while the origin cannot be reached"),
        (BOUND, request(URL), "the origin is asked whether what is stored still holds: stale for 30 s",
         "has to be validated first: stale for 30 s"),
        (STALE, request(URL, cache_control="max-stale"), "answered from the cache with 200",
         "may be reused without asking, although it is stale"),
        (ALWAYS_ASK, request(URL),
         "the origin is asked whether what is stored still holds: no-cache in response",
         "has to be validated first: no-cache in response"),
        (BARE, request(URL), "sent to the origin: stale for 30 s, no validator",
         "has to be fetched anew: stale for 30 s, no validator; stands in while the origin cannot be reached"),
        (GERMAN, request(URL, accept_language="en"),
         "sent to the origin: stored for other values of Accept-Language",
         "does not fit: stored for other values of Accept-Language"),
    ],
)  # fmt: skip
def test_what_a_stored_response_is_good_for(
    tmp_path: Path, stored: StoredResponse, asked: RequestHead, outcome: str, use: str
) -> None:
    said = sentence(rehearse(policy(tmp_path), asked, LOCAL, NOW, lambda _: (stored,)))
    assert said == f"Allowed, as no rule matches; {outcome}."
    assert use_of(asked, stored, NOW, Options()) == use


def test_nothing_stands_in_where_the_operator_wants_none() -> None:
    options = Options(disconnected_stale_s=0)
    assert use_of(request(URL), STALE, NOW, options) == "has to be validated first: stale for 30 s"


def test_a_request_that_wants_nothing_from_the_origin_is_told_why_it_gets_nothing() -> None:
    asked = request(URL, cache_control="only-if-cached")
    assert (
        use_of(asked, STALE, NOW, Options()) == "cannot be used: stale, and the request wants nothing from the origin"
    )


def test_a_purge_asks_neither_the_origin_nor_the_rules(tmp_path: Path) -> None:
    said = sentence(rehearse(policy(tmp_path), request(URL, "PURGE"), LOCAL, NOW))
    assert said == "What is stored for it is removed; the origin is not asked, and neither are the rules."
