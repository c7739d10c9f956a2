"""Filters as AdGuard Home and Pi-hole read them: names, with all that is asked of them."""

import pytest

from forward_proxy.access.filters import parse_filters
from forward_proxy.access.filters.packing import packed, unpacked
from forward_proxy.access.lists.found import Found
from forward_proxy.matching.subject import Subject
from tests.access.filters.asking import request, tunnel


def found(lines: str, asked: Subject) -> Found | None:
    filters, reports = parse_filters(lines, "test", for_resolvers=True)
    octets = unpacked(packed(filters, (reports,), "source"), "source")
    assert octets is not None
    assert octets[0].find(asked) == filters.find(asked)
    return filters.find(asked)


def blocks(lines: str, host: str) -> bool:
    """Whether a host is blocked, as it is for whatever is asked of it."""
    url = f"http://{host}/path/of/ads.example?q=/ads.example/"
    asked = [request(url, resource) for resource in ("document", "script", "other")]
    asked += [request(url, method="POST", page=None), tunnel(host), request(f"https://{host}:8443/")]
    answers = {(answer := found(lines, each)) is not None and not answer.exception for each in asked}
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize(
    ("line", "blocked", "not_blocked"),
    [
        ("||ads.example^", ["ads.example", "a.b.ads.example"], ["bads.example", "ads.example.net", "example"]),
        ("||ads.example^|", ["ads.example", "a.ads.example"], ["bads.example"]),
        ("||ads.example|", ["ads.example", "a.ads.example"], ["bads.example", "ads.example.net"]),
        ("||ads.example^$all", ["ads.example", "a.ads.example"], ["bads.example"]),
        ("|ads.example^", ["ads.example"], ["a.ads.example", "bads.example", "ads.example.net"]),
        ("|ads.example|", ["ads.example"], ["a.ads.example", "ads.example.net"]),
        ("ads.example", ["ads.example"], ["a.ads.example", "bads.example"]),
        ("ads.example # comment", ["ads.example"], ["a.ads.example"]),
        ("0.0.0.0 ads.example b.example # comment", ["ads.example", "b.example"], ["a.ads.example"]),
        ("||*.ads.example^", ["a.ads.example", "b.a.ads.example"], ["ads.example"]),
        ("||ad*.example^", ["ads.example", "a.ad7.example", "ad.x.example"], ["bad.example", "ad.example.net"]),
        ("||ads.", ["ads.example", "a.ads.example"], ["bads.example", "ads"]),
        ("ads.example^", ["ads.example", "bads.example"], ["ads.example.net"]),
        ("/^ads?[0-9]*\\./", ["ad7.example", "ads.example"], ["a.ads.example", "http.example"]),
        ("/\\.example$/", ["ads.example"], ["ads.example.net"]),
        ("||192.0.2.7^", ["192.0.2.7"], ["192.0.2.70"]),
        ("||example^$denyallow=good.example", ["ads.example"], ["good.example", "a.good.example"]),
    ],
)
def test_a_name_is_blocked_whatever_is_asked_of_it(line: str, blocked: list[str], not_blocked: list[str]) -> None:
    assert [blocks(line, host) for host in blocked] == [True] * len(blocked)
    assert [blocks(line, host) for host in not_blocked] == [False] * len(not_blocked)


@pytest.mark.parametrize(
    "line",
    [
        "||ads.example/path",
        "/banner/ads",
        "||ads.example^?x",
        "||ads.example^$script",
        "||ads.example^$document",
        "||ads.example^$third-party",
        "||ads.example^$domain=news.example",
        "||ads.example^$method=post",
        "||ads.example^$removeparam=x",
        "||ads.example^$csp=sandbox",
        "||ads.example^$redirect=noopjs",
    ],
)
def test_what_a_resolver_cannot_know_is_ignored(line: str) -> None:
    _, report = parse_filters(line, "test", for_resolvers=True)
    assert report.filters == 0
    assert report.kinds == {"dns": 1}


def test_modifiers_for_some_questions_only_are_ignored() -> None:
    lines = "||a.example^$dnstype=AAAA\n||b.example^$client=192.0.2.7\n||c.example^$dnsrewrite=192.0.2.7"
    _, report = parse_filters(lines, "test", for_resolvers=True)
    assert (report.filters, report.kinds) == (0, {"options": 3})


def test_an_exception_frees_and_what_is_important_passes_over_it() -> None:
    lines = "||example.com^\n@@||a.example.com^"
    assert blocks(lines, "example.com")
    assert not blocks(lines, "b.a.example.com")
    assert blocks(f"{lines}\n||b.a.example.com^$important", "b.a.example.com")
    assert blocks("||example.com^\n@@|example.com^", "a.example.com"), "that name alone is freed"
    assert not blocks("||example.com^\n@@|example.com^", "example.com")


def test_the_line_is_told() -> None:
    lines = "! head\n0.0.0.0 ads.example\n||b.example^"
    assert found(lines, request("https://ads.example/")) == Found(2, "ads.example")
    assert found(lines, request("https://a.b.example/")) == Found(3, "||b.example^")
