"""Options: types, parties, pages, hosts, methods; and what is not acted on."""

import pytest

from tests.access.filters.asking import blocks, reason, request

TYPES = ("document", "frame", "script", "style", "image", "font", "media", "fetch", "websocket", "object", "other")


@pytest.mark.parametrize(
    ("options", "types"),
    [
        ("", set(TYPES) - {"document"}),
        ("$all", set(TYPES)),
        ("$document", {"document"}),
        ("$doc,script", {"document", "script"}),
        ("$script", {"script"}),
        ("$image", {"image"}),
        ("$img", {"image"}),
        ("$stylesheet", {"style"}),
        ("$css", {"style"}),
        ("$xmlhttprequest", {"fetch"}),
        ("$xhr", {"fetch"}),
        ("$subdocument", {"frame"}),
        ("$frame", {"frame"}),
        ("$font", {"font"}),
        ("$media", {"media"}),
        ("$object", {"object"}),
        ("$websocket", {"websocket"}),
        ("$other", {"other"}),
        ("$SCRIPT,IMAGE", {"script", "image"}),
        ("$~script", set(TYPES) - {"document", "script"}),
        ("$~script,~image", set(TYPES) - {"document", "script", "image"}),
        ("$script,popup", {"script"}),
        ("$~popup", set(TYPES) - {"document"}),
        # A ping looks like any fetch, and is not to be blocked by this.
        ("$~ping", set(TYPES) - {"document", "fetch"}),
        ("$script,ping", {"script"}),
    ],
)
def test_types(options: str, types: set[str]) -> None:
    line = f"||example.com/banner/{options}"
    assert {type_ for type_ in TYPES if blocks(line, request(resource=type_))} == types


@pytest.mark.parametrize(
    ("option", "third", "first"),
    [
        ("third-party", True, False),
        ("3p", True, False),
        ("~third-party", False, True),
        ("~3p", False, True),
        ("first-party", False, True),
        ("1p", False, True),
        ("~first-party", True, False),
        ("~1p", True, False),
    ],
)
def test_parties(option: str, third: bool, first: bool) -> None:
    line = f"/banner/*${option}"
    assert blocks(line, request(third_party=True)) is third
    assert blocks(line, request(third_party=False)) is first
    assert not blocks(line, request(third_party=None)), "nobody can tell"


@pytest.mark.parametrize(
    ("value", "page", "holds"),
    [
        ("a.example", "a.example", True),
        ("a.example", "www.a.example", True),
        ("a.example", "b.example", False),
        ("a.example", "nota.example", False),
        ("a.example", None, False),
        ("a.example|b.example", "b.example", True),
        ("~a.example", "b.example", True),
        ("~a.example", "www.a.example", False),
        ("~a.example", None, False),
        ("a.example|~b.a.example", "a.example", True),
        ("a.example|~b.a.example", "x.b.a.example", False),
        ("~a.example|b.a.example", "b.a.example", True),
        ("google.*", "google.co.uk", True),
        ("google.*", "www.google.de", True),
        ("google.*", "google.example.com", False),
        ("www.google.*", "google.de", False),
        ("google.*|~google.de", "google.de", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("A.EXAMPLE", "a.example", True),
    ],
)
def test_pages(value: str, page: str | None, holds: bool) -> None:
    for option in ("domain", "from"):
        assert blocks(f"/banner/*${option}={value}", request(page=page)) is holds


def test_to_is_about_the_host_that_is_asked() -> None:
    assert blocks("/banner/*$to=example.com", request())
    assert not blocks("/banner/*$to=example.com|~ads.example.com", request())
    assert not blocks("/banner/*$to=~example.com", request())
    assert blocks("/banner/*$to=example.*", request())


def test_denyallow_spares_hosts() -> None:
    line = "*$script,domain=news.example,denyallow=cdn.example|example.com"
    assert not blocks(line, request())
    assert blocks(line, request("https://other.example/x.js"))
    assert not blocks(line, request("https://a.cdn.example/x.js"))


def test_methods() -> None:
    assert blocks("/banner/*$method=get|head", request())
    assert not blocks("/banner/*$method=get|head", request(method="POST"))
    assert not blocks("/banner/*$method=~get", request())
    assert blocks("/banner/*$method=~get", request(method="POST"))


def test_options_that_stand_for_nothing() -> None:
    assert blocks("/banner/*$_,script,___", request())


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("||a.example^$popup", "popup", "types that a proxy cannot tell"),
        ("||a.example^$ping", "ping", "types that a proxy cannot tell"),
        ("||a.example^$script,~script", "options", "or for none"),
        ("$removeparam=~", "removeparam", "expected the name of a parameter"),
        ("$removeparam=/a", "removeparam", "expected /expression/"),
        ("$removeparam=/a/g", "removeparam", "with i behind it or nothing"),
        ("$removeparam=a|b", "removeparam", "one parameter only"),
        ("$removeparam=/(a)\\1/", "expression", "back-references"),
        ("||a.example^$removeparam=a,csp=b", "options", "does one thing only"),
        ("||a.example^$redirect", "redirect", "for exceptions only"),
        ("||a.example^$redirect-rule=noopp.js", "redirect", "no surrogate is called noopp.js"),
        ("||a.example^$rewrite=https://b.example/", "redirect", "abp-resource: only"),
        ("||a.example^$empty=x", "redirect", "has no value"),
        ("||a.example^$csp", "csp", "for exceptions only"),
        ("||a.example^$csp=script-src 'self',script", "csp", "for documents and frames only"),
        ("||a.example^$csp=script-src 'self'; report-uri /x", "csp", "would tell somebody"),
        ("||a.example^$csp=REPORT-TO x", "csp", "would tell somebody"),
        ("||a.example^$csp=script-src ä", "csp", "printable ASCII"),
        ("||a.example^$csp=script-src 'self', img-src *", "csp", "without a comma"),
        ("||a.example^$permissions=a=()\x01", "permissions", "printable ASCII"),
        ("@@||a.example^$generichide", "cosmetic", "nothing is hidden"),
        ("||a.example^$replace=/a/b/", "options", "unknown option replace="),
        ("||a.example^$sript", "options", "unknown option sript"),
        ("||a.example^$~important", "options", "unknown option important"),
        ("||a.example^$3p,1p", "options", "both of the same site and of another"),
        ("||a.example^$domain=/a.*/", "domain", "regular expression for hosts"),
        ("||a.example^$domain=a.example|b c", "domain", "expected a host name, not 'b c'"),
        ("||a.example^$domain=", "domain", "expected a host name"),
        ("||a.example^$domain=a.b,from=c.d", "options", "said twice"),
        ("||a.example^$denyallow=x.*", "options", "plain host names"),
        ("/x/*$to=a.b,denyallow=c.a.b", "options", "together"),
        ("/x/*$method=g3t", "options", "expected methods"),
        ("||a..example^", "pattern", "no host is called a..example"),
        ("||bü", "pattern", "not ASCII"),
        ("/a b/c", "pattern", "white space"),
        ("/a#b/c", "pattern", "no requested URL has any"),
        ("*", "pattern", "hold for everything"),
        ("||", "pattern", "hold for everything"),
        ("/.*/", "pattern", "hold for everything"),
        ("/(a)\\1/", "expression", "back-references"),
        ("/(?=a)b/", "expression", "look-around"),
        ("/(a|b)*a.{300}c/", "expression", "too large"),
        ("0.0.0.0 a..b", "hosts", "expected host names"),
        ("/" + "x" * 30_000, "pattern", "longer than 20,000"),
    ],
)
def test_what_is_not_acted_on_has_its_reason(line: str, kind: str, says: str) -> None:
    found = reason(line)
    assert found[0] == kind
    assert says in found[1]
