"""What lists have done besides denying: surrogates in place of what is denied, field lines added to what is not."""

from pathlib import Path

import pytest

from forward_proxy.access.surrogates import canonical_name, surrogate
from forward_proxy.caching import StoredResponse
from forward_proxy.matching.subject import RuleRef
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy import Answer, Deny, Forward, Lookup, Policy, Relay, Serve, denial
from tests.policy.building import LOCAL, NOW, policy, request, response

LIST = """! The tests' own
||ads.test^
||stats.test/analytics.js$script,redirect=google-analytics
||ads.test^$script,redirect-rule=noopjs
||mine.test^$redirect-rule=noop.txt,xhr
||site.test^$csp=script-src 'self'
||site.test^$permissions=camera=()
@@||site.test/free^$csp
"""
RULES = """
groups: { people: [127.0.0.1] }
rules:
  - { id: mine, action: deny, match: { host: mine.test } }
  - { id: ours, action: allow, match: { path: "/allowed/*" } }
  - { id: ads, action: deny, list: { source: ads.txt, format: adblock }, match: { group: people }, reason: Ads }
"""
PLACE = "ads.txt"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ads.txt").write_text(LIST)
    return policy(Path(), RULES)


def denied(asked: Policy, head: RequestHead) -> Deny:
    decision = asked.on_request(head, LOCAL, (), NOW)
    assert isinstance(decision, Deny)
    return decision


def script(url: str) -> RequestHead:
    return request(url, sec_fetch_dest="script", sec_fetch_site="cross-site", referer="http://news.test/")


def page(url: str) -> RequestHead:
    return request(url, sec_fetch_dest="document", accept="text/html")


def fields(answer: Answer, name: bytes) -> bytes | None:
    return answer.fields.get(name)


def test_a_denied_script_is_answered_with_its_surrogate(asked: Policy) -> None:
    head = script("https://stats.test/analytics.js")
    deny = denied(asked, head)
    answer = denial(deny, head)
    assert (deny.status, deny.error, deny.rule) == (200, "http_request_denied", RuleRef(PLACE, 3, "ads"))
    assert deny.by_policy
    assert deny.reason.endswith("redirect=google-analytics; answered with the surrogate google-analytics_analytics.js")
    assert (answer.status, fields(answer, b"content-type")) == (200, b"text/javascript; charset=utf-8")
    assert b"hitCallback" in answer.content
    assert fields(answer, b"content-length") == b"%d" % len(answer.content)
    assert fields(answer, b"cache-control") == b"no-store"
    assert fields(answer, b"access-control-allow-origin") == b"*"
    assert fields(answer, b"x-content-type-options") == b"nosniff"
    assert (fields(answer, b"proxy-status") or b"").startswith(b"forward-proxy; error=http_request_denied; details=")


def test_to_head_its_head_alone(asked: Policy) -> None:
    head = RequestHead("HEAD", script("https://stats.test/analytics.js").target, script("https://x.test/").fields)
    answer = denial(denied(asked, head), head)
    assert answer.content == b""
    assert fields(answer, b"content-length") != b"0"


def test_what_another_line_or_rule_denies_names_both(asked: Policy) -> None:
    deny = denied(asked, script("http://ads.test/x"))
    assert (deny.rule, deny.surrogate) == (RuleRef(PLACE, 2, "ads"), "noop.js")
    assert deny.reason == f"Ads: ||ads.test^; answered with the surrogate noop.js ({PLACE}:4)"
    deny = denied(asked, request("http://mine.test/x", sec_fetch_dest="empty"))
    assert (str(deny.rule), deny.surrogate) == ("rules.yaml:4", "noop.txt")
    assert deny.reason == f"answered with the surrogate noop.txt ({PLACE}:5)"


def test_only_for_the_types_that_the_line_is_for(asked: Policy) -> None:
    for dest in ("image", "document"):
        deny = denied(asked, request("http://mine.test/x", sec_fetch_dest=dest))
        assert (deny.status, deny.surrogate) == (403, "")


def test_a_page_that_a_person_goes_to_is_answered_with_the_page_that_denies(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text("||ads.test^$document,redirect=noop.html")
    head = page("http://ads.test/")
    deny = denied(policy(tmp_path, RULES), head)
    assert (deny.status, deny.surrogate) == (403, "")
    assert b"Blocked by a rule" in denial(deny, head).content


def test_nothing_stands_in_for_a_connection(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text("||ads.test^$redirect=noopjs")
    asked = policy(tmp_path, RULES, inspect_by_default=False)
    assert denied(asked, request("https://ads.test/x")).status == 200
    socket = request("https://ads.test/x", connection="upgrade", upgrade="websocket")
    for deny in (denied(asked, socket), asked.on_connect(("ads.test", 443), LOCAL, NOW)):
        assert isinstance(deny, Deny)
        assert (deny.status, deny.surrogate) == (403, "")


def test_for_whom_the_list_is_not_nothing_is_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text(LIST)
    others = policy(tmp_path, RULES.replace("127.0.0.1", "192.0.2.1"))
    assert denied(others, request("http://mine.test/x", sec_fetch_dest="empty")).surrogate == ""


@pytest.mark.parametrize(
    ("dest", "content_type"),
    [("script", b"text/javascript; charset=utf-8"), ("image", b"image/gif"), ("empty", b"text/plain; charset=utf-8")],
)
def test_empty_is_of_the_type_that_was_asked_for(tmp_path: Path, dest: str, content_type: bytes) -> None:
    (tmp_path / "ads.txt").write_text("||ads.test^$empty")
    head = request("http://ads.test/x", sec_fetch_dest=dest, accept="application/json")
    answer = denial(denied(policy(tmp_path, RULES), head), head)
    assert (answer.status, answer.content, fields(answer, b"content-type")) == (200, b"", content_type)


def test_nothing_of_the_list_or_the_request_is_in_a_surrogate(asked: Policy) -> None:
    head = script("https://stats.test/analytics.js?<script>alert(1)</script>")
    found = surrogate("google-analytics_analytics.js")
    assert found is not None
    assert denial(denied(asked, head), head).content == found.content


def test_every_name_of_adblock_plus_is_known() -> None:
    """As its documentation lists them."""
    names = ("blank-text", "blank-css", "blank-js", "blank-html", "blank-mp3", "blank-mp4", "1x1-transparent-gif")
    sizes = ("2x2-transparent-png", "3x2-transparent-png", "32x32-transparent-png")
    assert all(canonical_name(name) for name in (*names, *sizes))


POLICIES = [b"script-src 'self'"]


def relayed(asked: Policy, head: RequestHead, **fields: str) -> Relay:
    sent = asked.on_request(head, LOCAL, (), NOW)
    if isinstance(sent, Lookup):
        sent = Forward(sent.allowed, "uri-miss", key=sent.key)
    assert isinstance(sent, Forward)
    relay = asked.on_response(sent, response(content_type="text/html", **fields), NOW, NOW)
    assert isinstance(relay, Relay)
    return relay


def added(relay: Relay, **fields: str) -> tuple[list[bytes], list[bytes]]:
    section = response(content_type="text/html", **fields).fields.edited(relay.edits)
    return list(section.get_all(b"content-security-policy")), list(section.get_all(b"permissions-policy"))


def test_policies_are_added_to_a_page_from_the_origin_and_not_stored(asked: Policy) -> None:
    relay = relayed(asked, page("http://site.test/"), cache_control="max-age=60")
    assert added(relay) == (POLICIES, [b"camera=()"])
    assert relay.storing is not None
    assert b"content-security-policy" not in relay.storing.fields
    assert relay.allowed.told == (
        "no rule matched; the default is allow"
        f"; adds content-security-policy: script-src 'self' ({PLACE}:6)"
        f"; adds permissions-policy: camera=() ({PLACE}:7)"
    )


def test_a_policy_of_the_origin_stays_beside_it(asked: Policy) -> None:
    theirs = {"content_security_policy": "img-src 'none'", "cache_control": "no-store"}
    relay = relayed(asked, page("http://site.test/"), **theirs)
    assert added(relay, **theirs)[0] == [b"img-src 'none'", *POLICIES]


def test_a_304_of_the_origin_does_not_replace_its_policies_by_ours(asked: Policy) -> None:
    """RFC 9111 §3.2: the client replaces what it has stored, line by line of a name."""
    head = page("http://site.test/")
    sent = asked.on_request(head, LOCAL, (), NOW)
    assert isinstance(sent, Lookup)
    for theirs in ({}, {"content_security_policy": "img-src 'none'"}):
        relay = asked.on_response(Forward(sent.allowed, "uri-miss"), response(304, etag='"1"', **theirs), NOW, NOW)
        assert isinstance(relay, Relay)
        section = response(304, **theirs).fields.edited(relay.edits)
        values = list(section.get_all(b"content-security-policy"))
        assert values == ([b"img-src 'none'", *POLICIES] if theirs else [])
        assert b"permissions-policy" not in section


@pytest.mark.parametrize("url", ["http://site.test/x.js", "http://other.test/"])
def test_nothing_is_added_to_anything_else(asked: Policy, url: str) -> None:
    head = script(url) if url.endswith(".js") else page(url)
    relay = relayed(asked, head)
    assert (relay.allowed.added, added(relay)) == ((), ([], []))


def test_an_exception_frees_from_it_and_a_rule_that_allows_does_not(asked: Policy) -> None:
    assert added(relayed(asked, page("http://site.test/free/"))) == ([], [b"camera=()"])
    assert added(relayed(asked, page("http://site.test/allowed/x"))) == (POLICIES, [b"camera=()"])


def test_policies_are_added_to_a_page_from_the_store(asked: Policy) -> None:
    head = page("http://site.test/")
    sent = asked.on_request(head, LOCAL, (), NOW)
    assert isinstance(sent, Lookup)
    kept = response(content_type="text/html", cache_control="max-age=600", content_security_policy="img-src 'none'")
    stored = StoredResponse(sent.key, 200, kept.fields, head.fields, NOW, NOW)
    serve = asked.on_stored(sent, (stored,), NOW)
    assert isinstance(serve, Serve)
    assert list(serve.delivery.head.fields.get_all(b"content-security-policy")) == [b"img-src 'none'", *POLICIES]
    assert list(serve.delivery.head.fields.get_all(b"permissions-policy")) == [b"camera=()"]
