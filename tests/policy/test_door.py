from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.anonymity import Level
from forward_proxy.caching import StoredResponse
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import FieldSection
from forward_proxy.policy import Deny, Forward, Inspect, Lookup, Policy, Relay, Serve, Tunnel, Validate
from tests.policy.building import LOCAL, NOW, policy, request, response, section

RULES = """
rules:
  - {id: no-ads, action: deny, match: {host: ads.example}, reason: Advertising}
  - {id: no-binaries, action: deny, match: {content_type: application/x-msdownload}, reason: No programs}
anonymity:
  - {level: "off", match: {host: plain.example}}
inspect:
  - {action: never, match: {host: bank.example}, reason: Private}
cache:
  - {match: {host: live.example}, bypass: true}
"""


@pytest.fixture
def door(tmp_path: Path) -> Policy:
    return policy(tmp_path, RULES)


def lookup(door: Policy, url: str, **fields: str) -> Lookup:
    decision = door.on_request(request(url, **fields), LOCAL, (), NOW)
    assert isinstance(decision, Lookup)
    return decision


def stored(door: Policy, url: str, at: int = NOW, **fields: str) -> StoredResponse:
    """What would be stored of a response with these fields."""
    sent = door.on_stored(lookup(door, url), (), at)
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(200, **fields), at, at)
    assert isinstance(relay, Relay)
    assert relay.storing is not None
    return replace(relay.storing, id="1", content_bytes=4)


def test_a_denied_request_carries_its_rule(door: Policy) -> None:
    decision = door.on_request(request("http://sub.ads.example/x.js", sec_fetch_dest="script"), LOCAL, (), NOW)
    assert isinstance(decision, Deny)
    assert (decision.status, decision.error, decision.reason) == (403, "http_request_denied", "Advertising")
    assert (decision.rule and decision.rule.id, decision.resource) == ("no-ads", "script")


def test_a_denial_names_the_page_that_asked(door: Policy) -> None:
    decision = door.on_request(request("http://ads.example/x.js", referer="http://news.example/1"), LOCAL, (), NOW)
    assert isinstance(decision, Deny)
    assert decision.page == "news.example"


@pytest.mark.parametrize("name", ["ads.example", "x.ads.example"])
def test_every_name_a_request_came_under_is_judged(door: Policy, name: str) -> None:
    assert isinstance(door.on_request(request("https://good.example/"), LOCAL, (name,), NOW), Deny)


@pytest.mark.parametrize("tunnel", [("other.example", 443), ("good.example", 8443)])
def test_a_tunnel_leads_to_one_host_and_port_rfc9110_15_5_20(door: Policy, tunnel: tuple[str, int]) -> None:
    head = request("https://good.example/")
    decision = door.on_request(head, LOCAL, (), NOW, tunnel)
    assert isinstance(decision, Deny)
    assert decision.status == 421
    assert not isinstance(door.on_request(head, LOCAL, (), NOW, ("good.example", 443)), Deny)


def test_a_client_that_is_not_served_is_refused_before_any_rule(door: Policy) -> None:
    decision = door.on_request(request("http://good.example/"), KnownClient(ip_address("192.0.2.7")), (), NOW)
    assert isinstance(decision, Deny)
    assert decision.rule is None


class TestTunnels:
    @pytest.mark.parametrize(
        ("host", "port", "decision"),
        [
            ("good.example", 443, Inspect),
            ("ads.example", 443, Inspect),  # Denied inside, where the person can read why.
            ("bank.example", 443, Tunnel),
            ("BANK.example.", 443, Tunnel),
            ("good.example", 25, Deny),
            ("good.example", 0, Deny),
            ("a b", 443, Deny),
        ],
    )
    def test_connect(self, door: Policy, host: str, port: int, decision: type) -> None:
        assert isinstance(door.on_connect((host, port), LOCAL, NOW), decision)

    def test_listed_ports_are_allowed(self, tmp_path: Path) -> None:
        door = policy(tmp_path, RULES, access_options=AccessOptions(connect_ports=frozenset((8443,))))
        assert isinstance(door.on_connect(("good.example", 8443), LOCAL, NOW), Inspect)

    def test_a_denied_host_is_no_tunnel_where_nothing_is_opened(self, tmp_path: Path) -> None:
        door = policy(tmp_path, RULES, inspect_by_default=False)
        assert isinstance(door.on_connect(("ads.example", 443), LOCAL, NOW), Deny)
        assert isinstance(door.on_connect(("good.example", 443), LOCAL, NOW), Tunnel)

    def test_the_server_name_is_judged_beside_the_authority(self, door: Policy) -> None:
        assert isinstance(door.on_hello(("bank.example", "ads.example"), 443, LOCAL, NOW), Deny)
        assert isinstance(door.on_hello(("good.example", "bank.example"), 443, LOCAL, NOW), Tunnel)
        assert isinstance(door.on_hello(("good.example",), 443, LOCAL, NOW), Inspect)

    def test_what_nobody_can_answer_inside_is_denied_outright(self, door: Policy) -> None:
        assert isinstance(door.on_opaque(("ads.example",), 443, LOCAL, NOW), Deny)
        assert isinstance(door.on_opaque(("good.example",), 443, LOCAL, NOW), Tunnel)


class TestAnonymity:
    def test_the_level_of_the_site_counts(self, door: Policy) -> None:
        edits = {
            url: lookup(door, url, x_forwarded_for="192.0.2.1", via="1.0 fred").allowed.outbound.fields
            for url in ("http://plain.example/", "http://other.example/")
        }
        assert edits["http://plain.example/"].get(b"via") == b"1.0 fred, 1.1 forward-proxy"
        assert b"x-forwarded-for" in edits["http://plain.example/"]
        assert not edits["http://other.example/"].names() & {b"via", b"x-forwarded-for"}

    def test_vary_is_matched_on_what_the_origin_saw(self, door: Policy) -> None:
        """Two browsers whose differences do not leave this proxy share one stored response."""
        url = "http://site.example/"
        held = stored(door, url, cache_control="max-age=60", vary="X-Forwarded-For", date="x")
        decision = door.on_stored(lookup(door, url, x_forwarded_for="192.0.2.9"), (held,), NOW)
        assert isinstance(decision, Serve)


class TestCaching:
    URL = "http://site.example/a"

    def test_a_miss_is_stored_and_then_a_hit(self, door: Policy) -> None:
        held = stored(door, self.URL, cache_control="max-age=60")
        serve = door.on_stored(lookup(door, self.URL), (held,), NOW + 10)
        assert isinstance(serve, Serve)
        assert serve.fwd is None
        fields = serve.delivery.head.fields
        assert fields.get(b"age") == b"10"
        assert fields.get(b"cache-status") == b"forward-proxy; hit; ttl=50"
        assert fields.get(b"via") == b"1.1 forward-proxy"

    def test_nothing_of_one_delivery_is_stored(self, door: Policy) -> None:
        held = stored(door, self.URL, cache_control="max-age=60", connection="x-hop", x_hop="1")
        assert not held.fields.names() & {b"age", b"via", b"cache-status", b"x-hop", b"connection"}

    def test_what_is_stale_is_validated_and_freshened(self, door: Policy) -> None:
        held = stored(door, self.URL, cache_control="max-age=60", etag='"v1"')
        sent = door.on_stored(lookup(door, self.URL), (held,), NOW + 100)
        assert isinstance(sent, Validate)
        assert (b"if-none-match", b'"v1"') in sent.edits.set
        serve = door.on_response(sent, response(304, etag='"v1"', cache_control="max-age=90"), NOW + 100, NOW + 101)
        assert isinstance(serve, Serve)
        assert serve.delivery.head.status == 200
        assert [freshened.response_at for freshened in serve.changes.freshened] == [NOW + 101]
        assert b"fwd=stale; fwd-status=304" in (serve.delivery.head.fields.get(b"cache-status") or b"")

    def test_the_reason_for_not_storing_is_in_cache_status(self, door: Policy) -> None:
        sent = door.on_stored(lookup(door, self.URL), (), NOW)
        assert isinstance(sent, Forward)
        relay = door.on_response(sent, response(200, cache_control="no-store"), NOW, NOW)
        assert isinstance(relay, Relay)
        assert relay.storing is None
        marked = FieldSection(relay.edits.set).get(b"cache-status")
        assert marked == b'forward-proxy; fwd=uri-miss; detail="nothing stored for this address; no-store in response"'

    def test_a_bypassed_site_is_neither_looked_up_nor_stored(self, door: Policy) -> None:
        sent = door.on_request(request("http://live.example/"), LOCAL, (), NOW)
        assert isinstance(sent, Forward)
        assert (sent.fwd, sent.detail) == ("bypass", f"bypass by {door.state.cache[0].where}")
        relay = door.on_response(sent, response(200, cache_control="max-age=60"), NOW, NOW)
        assert isinstance(relay, Relay)
        assert relay.storing is None

    def test_an_unsafe_method_invalidates_rfc9111_4_4(self, door: Policy) -> None:
        sent = door.on_request(request(self.URL, "POST", has_content=True), LOCAL, (), NOW)
        assert isinstance(sent, Forward)
        assert sent.fwd == "method"
        relay = door.on_response(sent, response(201), NOW, NOW)
        assert isinstance(relay, Relay)
        assert [str(target) for target in relay.changes.invalidated] == [self.URL]

    def test_only_if_cached_is_504_rfc9111_5_2_1_7(self, door: Policy) -> None:
        decision = door.on_stored(lookup(door, self.URL, cache_control="only-if-cached"), (), NOW)
        assert isinstance(decision, Deny)
        assert decision.status == 504

    def test_a_stale_response_stands_in_only_with_leave_rfc5861_4(self, door: Policy) -> None:
        for leave, stands_in in (("max-age=60", False), ("max-age=60, stale-if-error=600", True)):
            held = stored(door, self.URL, cache_control=leave, etag='"v1"')
            sent = door.on_stored(lookup(door, self.URL), (held,), NOW + 100)
            assert isinstance(sent, Validate)
            for answer in (
                door.on_failure(sent, 502, "http_protocol_error", "no HTTP", NOW + 100),
                door.on_response(sent, response(503), NOW + 100, NOW + 100),
            ):
                assert isinstance(answer, Serve) is stands_in

    @pytest.mark.parametrize(("status", "error"), [(403, "destination_ip_prohibited"), (508, "proxy_loop_detected")])
    def test_what_was_refused_here_is_no_failure_of_the_origin(self, door: Policy, status: int, error: str) -> None:
        held = stored(door, self.URL, cache_control="max-age=60, stale-if-error=600")
        sent = door.on_stored(lookup(door, self.URL), (held,), NOW + 100)
        assert isinstance(sent, Forward)
        assert isinstance(door.on_failure(sent, status, error, "", NOW + 100), Deny)

    @pytest.mark.parametrize("error", ["dns_error", "connection_refused", "connection_terminated"])
    def test_anything_stored_stands_in_for_an_origin_that_cannot_be_reached_4_2_4(
        self, door: Policy, error: str
    ) -> None:
        """Without a validator there is nothing to ask with, and still something to show."""
        held = stored(door, self.URL, cache_control="max-age=60")
        sent = door.on_stored(lookup(door, self.URL), (held,), NOW + 10**6)
        assert isinstance(sent, Forward)
        serve = door.on_failure(sent, 502, error, "", NOW + 10**6)
        assert isinstance(serve, Serve)
        said = serve.delivery.head.fields.text(b"cache-status")
        assert said == f'forward-proxy; fwd=stale; ttl=-999940; detail="the origin cannot be reached: {error}"'

    @pytest.mark.parametrize(
        ("fields", "later"),
        [({}, True), ({"sec_fetch_dest": "document"}, True), ({"sec_fetch_dest": "image"}, False)],
    )
    def test_what_a_page_asks_for_is_not_wanted_later(self, door: Policy, fields: dict[str, str], later: bool) -> None:
        sent = door.on_stored(lookup(door, self.URL, **fields), (), NOW)
        assert isinstance(sent, Forward)
        answer = door.on_failure(sent, 502, "connection_refused", "", NOW)
        assert isinstance(answer, Deny)
        assert answer.later is later

    @pytest.mark.parametrize("forbids", ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"])
    def test_unless_it_forbids_that(self, door: Policy, forbids: str) -> None:
        held = stored(door, self.URL, cache_control=f"max-age=60, {forbids}", etag='"v1"')
        sent = door.on_stored(lookup(door, self.URL), (held,), NOW + 100)
        assert isinstance(sent, Validate)
        assert isinstance(door.on_failure(sent, 502, "connection_refused", "", NOW + 100), Deny)

    def test_offline_no_origin_is_asked(self, tmp_path: Path) -> None:
        held = stored(policy(tmp_path), self.URL, cache_control="max-age=60", etag='"v1"')
        door = policy(tmp_path, offline=True)
        kept = replace(held, fields=section(cache_control="max-age=60, must-revalidate", etag='"v1"'))
        for candidates, at, answer in (
            ((held,), NOW, Serve),
            ((held,), NOW + 100, Serve),
            ((kept,), NOW + 100, Deny),
            ((), NOW, Deny),
        ):
            assert isinstance(door.on_stored(lookup(door, self.URL), candidates, at), answer)
        assert isinstance(door.on_refresh(lookup(door, self.URL), (held,), NOW), Deny)
        assert isinstance(door.on_request(request(self.URL, "POST", has_content=True), LOCAL, (), NOW), Deny)


def test_a_type_that_is_denied_is_denied_when_it_is_known(door: Policy) -> None:
    sent = door.on_stored(lookup(door, "http://good.example/setup"), (), NOW)
    assert isinstance(sent, Forward)
    decision = door.on_response(sent, response(200, content_type="application/x-msdownload"), NOW, NOW)
    assert isinstance(decision, Deny)
    assert decision.reason == "No programs"


def test_deciding_twice_decides_the_same(door: Policy) -> None:
    head = request("http://site.example/a", cookie="a=b", referer="http://other.example/x")
    assert door.on_request(head, LOCAL, (), NOW) == door.on_request(head, LOCAL, (), NOW)


@pytest.mark.parametrize("level", Level)
def test_proxy_authorization_never_goes_on(tmp_path: Path, level: Level) -> None:
    door = policy(tmp_path, default_level=level)
    sent = lookup(door, "http://site.example/", proxy_authorization="Basic c2VjcmV0")
    assert b"proxy-authorization" not in sent.allowed.outbound.fields
