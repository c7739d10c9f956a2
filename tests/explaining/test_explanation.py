from ipaddress import ip_address
from pathlib import Path

from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.explaining.explanation import Explanation, FieldChange, Passage, explain
from forward_proxy.explaining.rehearsal import nothing_stored
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import NO_FIELDS
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy import Policy
from tests.policy.building import LOCAL, NOW, policy, request, section

RULES = """
rules:
  - { id: one, action: deny, match: { host: one.example } }
  - { id: two, action: allow, match: { host: two.example, path: /open/* } }
  - { id: three, action: deny, match: { host: two.example } }
  - { id: four, action: deny, match: { content_type: video/* } }
anonymity:
  - { level: "off", match: { host: plain.example } }
inspect:
  - { action: never, match: { host: bank.example } }
"""


def _explained(asked: Policy, head: RequestHead, *stored: StoredResponse) -> Explanation:
    return explain(asked, head, LOCAL, NOW, lambda _: stored)


def _passage(explanation: Explanation) -> Passage:
    assert explanation.passage is not None
    return explanation.passage


def _trail(explanation: Explanation) -> list[tuple[str | None, str | None]]:
    return [(step.rule.id, step.failing) for step in explanation.trail]


def test_the_trail_ends_with_the_rule_that_decided(tmp_path: Path) -> None:
    asked = policy(tmp_path, RULES)
    assert _trail(_explained(asked, request("http://two.example/shut"))) == [
        ("one", "host"), ("two", "path"), ("three", None),
    ]  # fmt: skip
    assert _trail(_explained(asked, request("http://two.example/open/1"))) == [("one", "host"), ("two", None)]


def test_the_trail_has_every_rule_when_the_default_decides(tmp_path: Path) -> None:
    whole = [("one", "host"), ("two", "host"), ("three", "host"), ("four", "content_type")]
    assert _trail(_explained(policy(tmp_path, RULES), request("http://a.example/"))) == whole


def test_what_would_have_come_next_is_the_next_rule_that_matches_or_the_default(tmp_path: Path) -> None:
    asked = policy(tmp_path, RULES)
    first = _explained(asked, request("http://two.example/open/1")).otherwise
    assert isinstance(first, Denied)
    assert first.rule is not None
    assert first.rule.id == "three"
    last = _explained(asked, request("http://two.example/shut")).otherwise
    assert isinstance(last, Allowed)
    assert last.rule is None
    assert _explained(asked, request("http://a.example/")).otherwise is None


def test_no_rule_is_on_the_trail_of_what_is_refused_before_any(tmp_path: Path) -> None:
    asked = policy(tmp_path, RULES)
    stranger = explain(asked, request("http://one.example/"), KnownClient(ip_address("192.0.2.1")), NOW, nothing_stored)
    assert (stranger.trail, stranger.passage) == ((), None)
    assert _explained(asked, request("https://one.example:22/")).trail == ()


def test_of_a_tunnel_that_is_not_opened_rules_see_the_host_alone(tmp_path: Path) -> None:
    explanation = _explained(policy(tmp_path, RULES), request("https://bank.example/open/1"))
    assert (explanation.subject.url, explanation.subject.is_tunnel) == ("https://bank.example", True)
    assert len(explanation.trail) == 4
    assert explanation.tunnel_by is not None
    assert explanation.tunnel_by.line == 10


def test_inside_an_opened_tunnel_rules_see_the_request(tmp_path: Path) -> None:
    explanation = _explained(policy(tmp_path, RULES), request("https://two.example/open/1"))
    assert (explanation.subject.path, explanation.tunnel_by) == ("/open/1", None)
    assert _trail(explanation)[-1] == ("two", None)


def test_the_level_and_who_chose_it(tmp_path: Path) -> None:
    asked = policy(tmp_path, RULES)
    plain, usual = (_passage(_explained(asked, request(f"http://{host}.example/"))) for host in ("plain", "a"))
    assert (str(plain.allowed.level), plain.level_by and plain.level_by.line) == ("off", 8)
    assert (str(usual.allowed.level), usual.level_by) == ("standard", None)


def test_fields_that_change_are_told_with_what_they_were(tmp_path: Path) -> None:
    head = request("http://plain.example/", proxy_authorization="Basic eA==", te="gzip", accept="*/*")
    passage = _passage(_explained(policy(tmp_path, RULES), head))
    assert passage.changes == (
        FieldChange("proxy-authorization", "Basic eA==", None),
        FieldChange("te", "gzip", None),
        FieldChange("via", None, "1.1 forward-proxy"),
    )
    assert (passage.before, b"accept" in passage.after, b"te" in passage.after) == (head.fields, True, False)


def test_the_question_put_to_the_origin_is_among_the_fields(tmp_path: Path) -> None:
    key = CacheKey("GET", request("http://plain.example/").target)
    stale = StoredResponse(key, 200, section(etag='"a"', cache_control="max-age=1"), NO_FIELDS, NOW - 60, NOW - 60)
    passage = _passage(_explained(policy(tmp_path, RULES), request("http://plain.example/"), stale))
    assert FieldChange("if-none-match", None, '"a"') in passage.changes


def test_each_stored_response_has_its_sums_and_whether_the_answer_rests_on_it(tmp_path: Path) -> None:
    key = CacheKey("GET", request("http://a.example/").target)

    def stored(language: str) -> StoredResponse:
        fields = section(cache_control="max-age=60", vary="accept-language")
        return StoredResponse(key, 200, fields, section(accept_language=language), NOW - 10, NOW - 10, language)

    head = request("http://a.example/", accept_language="en")
    explanation = _explained(policy(tmp_path), head, stored("de"), stored("en"))
    held = _passage(explanation).held
    assert [(each.stored.id, each.chosen, each.sums.ttl) for each in held] == [("de", False, 50), ("en", True, 50)]
    assert explanation.key == key


def test_rules_about_the_response_ask_again_only_when_one_is_to_come(tmp_path: Path) -> None:
    asked, head = policy(tmp_path, RULES), request("http://a.example/")
    fresh = StoredResponse(CacheKey("GET", head.target), 200, section(cache_control="max-age=9"), NO_FIELDS, NOW, NOW)
    assert _passage(_explained(asked, head)).rules_ask_again
    assert not _passage(_explained(asked, head, fresh)).rules_ask_again


def test_what_lists_have_done_is_told(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text("||two.example^$script,redirect=noopjs\n||one.example^$csp=script-src 'self'\n")
    asked = policy(tmp_path, "rules: [{ id: ads, action: deny, list: { source: ads.txt } }]")
    explanation = _explained(asked, request("http://two.example/x", sec_fetch_dest="script"))
    assert _trail(explanation) == [("ads", None)]
    assert explanation.sentence.startswith("Denied by rule ads (")
    assert explanation.sentence.endswith("; answered with the surrogate noop.js.")
    passage = _passage(_explained(asked, request("http://one.example/", sec_fetch_dest="document")))
    (added,) = passage.allowed.added
    assert (added.name, added.value, added.rule.line) == (b"content-security-policy", b"script-src 'self'", 2)
