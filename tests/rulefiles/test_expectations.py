from datetime import UTC, datetime
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import pytest

from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.expectations import Expectation, read_expectation
from tests.access.rulesets import rules
from tests.matching.requests import matcher


def expectation(raw: dict[str, object]) -> Expectation:
    read = read_expectation(raw, UTC)
    assert isinstance(read, Expectation), read
    return read


def test_what_is_left_out_is_fixed() -> None:
    seen = expectation({"allow": "http://example.com/a.js"}).subject
    assert (seen.method, seen.client, seen.resource, seen.page, seen.third_party, seen.content_type) == (
        "GET",
        ip_address("127.0.0.1"),
        "script",
        None,
        None,
        None,
    )
    assert datetime.fromtimestamp(seen.at, UTC) == datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_what_is_given_is_what_a_request_would_tell() -> None:
    seen = expectation(
        {
            "block": "http://cdn.example.com/",
            "method": "POST",
            "client": "2001:db8::1",
            "resource": "image",
            "page": "https://Shop.example/x",
            "content_type": "Image/PNG; q=1",
        }
    ).subject
    assert (seen.method, seen.client, seen.resource, seen.page, seen.third_party, seen.content_type) == (
        "POST",
        ip_address("2001:db8::1"),
        "image",
        "shop.example",
        True,
        "image/png",
    )


def test_headers_are_what_a_client_sends_and_tell_what_they_tell_rules() -> None:
    headers = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site", "Referer": "https://shop.example/x"}
    seen = expectation({"block": "https://cdn.example.com/a.js", "headers": headers}).subject
    assert (seen.resource, seen.page, seen.third_party) == ("image", "shop.example", True)
    told = expectation({"block": "https://cdn.example.com/a.js", "headers": headers, "resource": "font"}).subject
    assert told.resource == "font"


@pytest.mark.parametrize("page", ["www.example.com", "https://www.example.com/x"])
def test_a_page_of_the_same_site_is_no_third_party(page: str) -> None:
    assert expectation({"allow": "http://cdn.example.com/", "page": page}).subject.third_party is False


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2026-11-23T10:00", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("2026-07-06 10:00:30", datetime(2026, 7, 6, 8, 0, 30, tzinfo=UTC)),
        ("2026-11-23T10:00+00:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_by_the_clock_of_the_set_unless_it_names_an_offset(at: str, moment: datetime) -> None:
    read = read_expectation({"allow": "http://a.test/", "at": at}, ZoneInfo("Europe/Berlin"))
    assert isinstance(read, Expectation)
    assert read.subject.at == moment.timestamp()


@pytest.mark.parametrize(
    ("raw", "path", "text"),
    [
        ("http://a.test/", (), "expected a mapping with block or allow and a URL"),
        ({}, (), "expected either block or allow"),
        ({"block": "http://a.test/", "allow": "http://a.test/"}, (), "expected either block or allow"),
        ({"block": "a.test"}, ("block",), "expected an http or https URL; not an absolute URI"),
        ({"block": None}, ("block",), "expected a single value"),
        ({"block": "http://a.test/", "at": "noon"}, ("at",), 'expected a time such as "2026-11-23T10:00", not noon'),
        ({"allow": "http://a/", "at": "1066-01"}, ("at",), 'expected a time such as "2026-11-23T10:00", not 1066-01'),
        ({"block": "http://a.test/", "client": "me"}, ("client",), "expected an IP address, not me"),
        ({"block": "http://a.test/", "page": "a b"}, ("page",), "expected the host or URL of a page, not a b"),
        ({"block": "http://a.test/", "resource": "imge"}, ("resource",), "unknown resource imge; did you mean image?"),
        (
            {"block": "http://a.test/", "headers": "x"},
            ("headers",), "expected a mapping of field names and values",
        ),
        ({"block": "http://a.test/", "headers": {"A b": "x"}}, ("headers", "A b"), "A b is no field name"),
        ({"block": "http://a.test/", "headers": {"Host": "x"}}, ("headers", "Host"), "the host follows from the URL"),
        ({"block": "http://a.test/", "headers": {"A": None}}, ("headers", "A"), "expected a value of one line"),
        ({"block": "http://a.test/", "headers": {"A": "x\ny"}}, ("headers", "A"), "expected a value of one line"),
        ({"block": "http://a.test/", "metod": "GET"}, ("metod",), "unknown key; did you mean method?"),
    ],
)  # fmt: skip
def test_what_is_no_expectation_is_told(raw: object, path: tuple[str, ...], text: str) -> None:
    found = read_expectation(raw, UTC)
    assert isinstance(found, tuple)
    assert (path, text) in [(problem.path, problem.text) for problem in found]


@pytest.mark.parametrize(
    ("raw", "ruleset", "text"),
    [
        ({"block": "http://a.test/"}, rules(("deny", {"host": "a.test"})), None),
        ({"allow": "http://a.test/"}, rules(), None),
        (
            {"block": "http://a.test/"},
            rules(("allow", {"host": "a.test"}), ("deny", {"host": "a.test"})),
            "expected http://a.test/ to be blocked, but it is allowed by r1 at rules/a.yaml:1",
        ),
        (
            {"block": "http://a.test/"},
            rules(),
            "expected http://a.test/ to be blocked, but it is allowed by the default: "
            "no rule matched; the default is allow",
        ),
        (
            {"allow": "http://a.test/"},
            rules(("deny", {})),
            "expected http://a.test/ to be allowed, but it is blocked by r1 at rules/a.yaml:1",
        ),
    ],
)
def test_a_disappointment_names_the_rule_that_decided(
    raw: dict[str, object], ruleset: AccessRules, text: str | None
) -> None:
    assert expectation(raw).disappointment(ruleset) == text


def test_what_was_denied_before_its_response_stays_denied_whatever_its_type() -> None:
    ruleset = rules(("allow", {"content_type": "image/*"}), ("deny", {"host": "a.test"}))
    asked = {"block": "http://a.test/", "content_type": "image/png"}
    assert expectation(asked).disappointment(ruleset) is None


def test_inside_tls_that_is_not_opened_no_path_is_seen() -> None:
    ruleset = rules(("deny", {"host": "a.test", "path": "/x"}))
    never = Choice("never", matcher({"host": "a.test"}), RuleRef("rules/a.yaml", 9))
    asked = expectation({"block": "https://a.test/x"})
    assert asked.disappointment(ruleset) is None
    assert "expected https://a.test/x to be blocked, but it is allowed" in (
        asked.disappointment(ruleset, [never]) or ""
    )
    assert expectation({"block": "http://a.test/x"}).disappointment(ruleset, [never]) is None
