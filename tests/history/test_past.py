from ipaddress import ip_address

import pytest

from forward_proxy.history.past import COLUMNS, past, read_row
from tests.history.logs import denied, row, tunnel


def test_a_request_is_seen_as_rules_saw_it() -> None:
    seen = past(row("https://cdn.example.com/a.js?x=1", resource="script", page="news.example", method="POST"))
    assert seen is not None
    subject = seen.subject
    assert (subject.scheme, subject.host, subject.path, subject.url) == (
        "https", "cdn.example.com", "/a.js", "https://cdn.example.com/a.js?x=1",
    )  # fmt: skip
    assert (subject.client, subject.resource, subject.page, subject.third_party, subject.method) == (
        ip_address("127.0.0.1"), "script", "news.example", True, "POST",
    )  # fmt: skip
    assert (subject.content_type, seen.content_type, seen.unknown) == (
        None, "text/html", {"request_type"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "unknown"),
    [
        (row("http://a.test/"), {"third_party"}),
        (row("http://a.test/?t=***", page="a.test"), {"url"}),
        (row("http://a.test/***/x", page="a.test"), {"url", "path"}),
        (row("http://a.test/aa…", page="a.test"), {"url", "path"}),
        (row("http://a.test/?aa…", page="a.test"), {"url"}),
        (denied("http://a.test/", "ads", page="a.test"), {"content_type"}),
        (row("http://a.test/", page="a.test", user=None, listener=None), {"user", "listener"}),
    ],
)
def test_what_the_log_does_not_keep_is_unknown(seen: object, unknown: set[str]) -> None:
    found = past(seen)  # type: ignore[arg-type]
    assert found is not None
    assert found.unknown == unknown | {"request_type"}


def test_a_tunnel_shows_its_authority_alone() -> None:
    seen = past(tunnel("[2001:db8::1]:8443"))
    assert seen is not None
    assert seen.unknown == frozenset()
    assert (seen.subject.host, seen.subject.port, seen.subject.url, seen.subject.path) == (
        "2001:db8::1", 8443, "https://[2001:db8::1]:8443", "",
    )  # fmt: skip


def test_an_answer_of_the_proxy_itself_has_no_type_that_rules_saw() -> None:
    seen = past(row("http://a.test/", error="connection_refused", outcome="error", status=502))
    assert seen is not None
    assert seen.content_type is None
    assert "content_type" not in seen.unknown


@pytest.mark.parametrize(
    "unjudged",
    [
        row("http://a.test/", outcome="purge", method="PURGE"),
        row("", error="http_request_error", status=400, outcome="error"),
        row("http://a.test/", error="http_request_error", status=421, outcome="error"),
        row("http://a.test/", verdict="denied", reason="192.0.2.1 is not among the clients this proxy serves"),
        row("not a target"),
        tunnel("a.test"),
        row("http://a.test/", error="proxy_internal_error", status=500),
    ],
)
def test_what_no_rule_was_asked_about_is_not_judged(unjudged: object) -> None:
    assert past(unjudged) is None  # type: ignore[arg-type]


def test_a_row_of_another_shape_is_none() -> None:
    sound = list(row("http://a.test/"))
    assert read_row(sound) == row("http://a.test/")
    for name, wrong in [("started_at", "x"), ("started_at", 1e300), ("client", None), ("target", b"x"), ("page", 3)]:
        assert (
            read_row([wrong if column == name else value for column, value in zip(COLUMNS, sound, strict=True)]) is None
        )
