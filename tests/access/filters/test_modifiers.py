"""What filters do besides blocking: parameters to be removed, surrogates, field lines to be added."""

from itertools import permutations

import pytest

from forward_proxy.access.lists.found import Adding, Found, Removing, Replacement, Replacing
from forward_proxy.matching.subject import Subject
from tests.access.filters.asking import blocks, found, read, reported, request, tunnel

QUERY = "utm_source=x&utm_id=a%20b&Utm_Source=y&id=1&flag"
URL = f"https://www.example.com/page?{QUERY}"
SCRIPT = "https://ads.example.com/ad.js"


def page(url: str = URL, resource: str = "document", **facts: object) -> Subject:
    return request(url, resource, **({"page": None, "third_party": None} | facts))


def removed(lines: str | tuple[str, ...], asked: Subject) -> list[str]:
    """The parameters of QUERY that go."""
    removals = read(*((lines,) if isinstance(lines, str) else lines)).removals(asked)
    return [parameter for parameter in QUERY.split("&") if any(each.takes(parameter) for each in removals)]


def given(lines: str | tuple[str, ...], asked: Subject | None = None) -> str | None:
    """The surrogate that a blocked request gets, "" for none; None when nothing blocks it."""
    filters, asked = read(*((lines,) if isinstance(lines, str) else lines)), asked or request(SCRIPT)
    answer, replacement = filters.find(asked), filters.replacement(asked)
    return None if answer is None or answer.exception else replacement.surrogate if replacement else ""


def added(lines: str | tuple[str, ...], asked: Subject) -> list[str]:
    additions = read(*((lines,) if isinstance(lines, str) else lines)).additions(asked)
    return [f"{each.name.decode()}: {each.value.decode()}" for each in additions]


@pytest.mark.parametrize(
    ("value", "gone"),
    [
        ("=utm_source", ["utm_source=x"]),
        ("=UTM_SOURCE", []),
        ("=flag", ["flag"]),
        ("=utm", []),
        ("", QUERY.split("&")),
        ("=~id", ["utm_source=x", "utm_id=a%20b", "Utm_Source=y", "flag"]),
        ("=/^utm_/", ["utm_source=x", "utm_id=a%20b"]),
        ("=/^utm_/i", ["utm_source=x", "utm_id=a%20b", "Utm_Source=y"]),
        ("=~/^utm_/i", ["id=1", "flag"]),
        ("=/^utm_source=x$/", ["utm_source=x"]),
        ("=/^utm_source=campaign$/", []),
        ("=/^utm_id=a b$/", ["utm_id=a%20b"]),
        ("=/^flag=$/", ["flag"]),
        ("=/^[a-z]{2\\,2}=/", ["id=1"]),
        ("=|utm", ["utm_source=x", "utm_id=a%20b", "Utm_Source=y"]),
    ],
)
def test_removeparam(value: str, gone: list[str]) -> None:
    for option in ("removeparam", "queryprune"):
        assert removed(f"||example.com^${option}{value}", page()) == gone
        assert removed(f"${option}{value}", page()) == gone


def test_a_removal_names_its_line_and_text() -> None:
    filters = read("! head", "$removeparam=id", "||other.example^$removeparam", "$removeparam=flag")
    assert [(each.line, each.text) for each in filters.removals(page())] == [
        (2, "$removeparam=id"),
        (4, "$removeparam=flag"),
    ]
    assert isinstance(filters, Removing)


def test_removeparam_blocks_nothing() -> None:
    assert found("||example.com^$removeparam=id", page()) is None
    assert found("||example.com^$removeparam", request()) is None


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ("", ("document", "frame", "fetch")),
        (",script", ("script",)),
        (",~xhr", ("document", "frame")),
        (",document", ("document",)),
        (",all", ("document", "frame", "fetch", "script", "image", "other")),
    ],
)
def test_without_a_type_removeparam_is_for_pages_and_what_scripts_fetch(
    options: str, resources: tuple[str, ...]
) -> None:
    line = f"||example.com^$removeparam=id{options}"
    every = ("document", "frame", "fetch", "script", "image", "other")
    assert tuple(each for each in every if removed(line, page(resource=each))) == resources


def test_removeparam_is_for_requests_with_a_query_that_change_nothing() -> None:
    filters = read("||example.com^$removeparam")
    assert filters.removals(page("https://example.com/")) == ()
    assert [bool(filters.removals(page(method=method))) for method in ("GET", "HEAD", "OPTIONS", "POST")] == [
        *(True, True, True),
        False,
    ]
    assert filters.removals(tunnel("example.com")) == ()


@pytest.mark.parametrize(
    ("exception", "gone"),
    [
        ("@@||example.com^$removeparam", []),
        ("@@||example.com^$removeparam=id", ["utm_source=x", "utm_id=a%20b"]),
        ("@@||example.com^$removeparam=/^utm_/", ["id=1"]),
        ("@@||example.com^$removeparam=flag", ["utm_source=x", "utm_id=a%20b", "id=1"]),
        ("@@||example.com^$removeparam,domain=a.example", ["utm_source=x", "utm_id=a%20b", "id=1"]),
        ("@@||example.com^", ["utm_source=x", "utm_id=a%20b", "id=1"]),
        ("@@||example.com^$csp", ["utm_source=x", "utm_id=a%20b", "id=1"]),
        ("@@||example.com^$document", []),
        ("$removeparam=id,badfilter", ["utm_source=x", "utm_id=a%20b"]),
    ],
)
def test_exceptions_from_removeparam(exception: str, gone: list[str]) -> None:
    lines = ("$removeparam=id", "$removeparam=/^utm_/")
    assert removed((*lines, exception), page()) == gone
    assert removed((exception, *lines), page()) == gone


def test_an_important_removal_passes_over_exceptions() -> None:
    lines = ("$removeparam=id,important", "$removeparam=flag", "@@||example.com^$removeparam")
    assert removed(lines, page()) == ["id=1"]


def test_an_exception_from_removeparam_is_for_every_type() -> None:
    lines = ("||example.com^$removeparam=id,script", "@@||example.com^$removeparam")
    assert removed(lines, page(resource="script")) == []


def test_an_exception_that_does_something_else_frees_from_no_block() -> None:
    for option in ("removeparam", "redirect", "csp"):
        assert blocks(("||example.com^", f"@@||example.com^${option}"), request())


def test_so_many_names_as_a_list_has_are_no_filters_for_every_url() -> None:
    filters, report = reported(*(f"$removeparam=p{number}x" for number in range(3000)))
    assert (report.filters, report.ignored) == (3000, ())
    (removal,) = filters.removals(page("https://example.com/?p1234x=1&p12=2"))
    assert removal.text == "$removeparam=p1234x"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("", ""),
        ("$script,redirect=noop.js", "noop.js"),
        ("$script,redirect=noopjs", "noop.js"),
        ("$redirect=noopjs:100", "noop.js"),
        ("$redirect=googletagmanager.com/gtm.js", "google-analytics_analytics.js"),
        ("$redirect=google-analytics:5", "google-analytics_analytics.js"),
        ("$rewrite=abp-resource:blank-js,domain=news.example", "noop.js"),
        ("$empty", "empty"),
        ("$redirect=none", ""),
    ],
)
def test_redirect_blocks_and_names_a_surrogate(options: str, name: str) -> None:
    assert given(f"||ads.example.com^{options}") == name


def test_mp4_is_for_media() -> None:
    assert given("||example.com^$mp4", request("https://v.example.com/x", "media")) == "noop-1s.mp4"
    assert given("||example.com^$mp4") is None


def test_a_redirect_names_itself() -> None:
    line = "||ads.example.com^$redirect=noopjs"
    assert found(("! head", line), request(SCRIPT)) == Found(2, line)
    filters = read("! head", line)
    assert filters.replacement(request(SCRIPT)) == Replacement(2, line, "noop.js")
    assert isinstance(filters, Replacing)


def test_a_redirect_rule_is_for_what_something_else_blocks() -> None:
    rule = "||ads.example.com^$redirect-rule=noopjs"
    assert given(rule) is None
    assert given((rule, "/ad.js$script")) == "noop.js"
    assert given((rule, "||example.com^")) == "noop.js"
    assert given((rule, "/ad.js$script", "@@||example.com^")) is None
    assert given((rule, "/ad.js$script,important", "@@||example.com^")) == "noop.js"


@pytest.mark.parametrize(
    ("exception", "name"),
    [
        ("@@||example.com^$redirect", ""),
        ("@@||example.com^$redirect-rule", ""),
        ("@@||example.com^$redirect=noop.js", ""),
        ("@@||example.com^$redirect-rule=blank-js", ""),
        ("@@||example.com^$redirect=noop.txt", "noop.js"),
        ("@@||example.com^", None),
        ("||ads.example.com^$redirect=noopjs,badfilter", None),
    ],
)
def test_exceptions_from_redirect(exception: str, name: str | None) -> None:
    assert given(("||ads.example.com^$redirect=noopjs", exception)) == name


@pytest.mark.parametrize(
    "lines",
    list(permutations(("/ad.js$redirect=noop.txt:-1", "/ad.js$redirect=noop.js", "/ad.js$redirect=noop.css:7"))),
)
def test_the_highest_priority_is_put_in_place(lines: tuple[str, ...]) -> None:
    assert given(lines) == "noop.css"
    assert given((*lines, "@@/ad.js$redirect=noop.css")) == "noop.js"


def test_of_the_same_priority_an_important_one_is_put_in_place() -> None:
    assert given(("/ad.js$redirect=noop.css", "/ad.js$redirect=noop.js,important")) == "noop.js"


def test_a_filter_with_an_unknown_surrogate_blocks_and_says_so() -> None:
    filters, report = reported("||ads.example.com^$script,redirect=no-such-thing")
    assert filters.find(request(SCRIPT)) == Found(1, "||ads.example.com^$script,redirect=no-such-thing")
    assert report.filters == 1
    (note,) = report.ignored
    assert (note.kind, note.reason) == ("redirect", "no surrogate is called no-such-thing; it only blocks")


def test_csp_is_added_to_pages_and_frames() -> None:
    line = "||example.com^$csp=script-src 'self' https:; child-src 'none'"
    policy = "content-security-policy: script-src 'self' https:; child-src 'none'"
    assert added(line, page()) == added(line, page(resource="frame")) == [policy]
    assert added(line, page(resource="script")) == []
    assert added(line, page("https://other.example/")) == []
    assert added(f"{line},subdocument", page()) == []
    assert added(f"{line},subdocument", page(resource="frame")) == [policy]
    assert found(line, page()) is None
    assert isinstance(read(line), Adding)


def test_permissions_are_added_as_one_field_line() -> None:
    line = "||example.com^$permissions=geolocation=()|camera=()"
    assert added(line, page()) == ["permissions-policy: geolocation=(), camera=()"]


def test_every_policy_is_added_once() -> None:
    lines = (
        *("||example.com^$csp=img-src *", "||www.example.com^$csp=font-src *", "/page$csp=img-src *"),
        "||example.com^$permissions=camera=()",
    )
    assert added(lines, page()) == [
        *("content-security-policy: img-src *", "content-security-policy: font-src *"),
        "permissions-policy: camera=()",
    ]


@pytest.mark.parametrize(
    ("exception", "left"),
    [
        ("@@||example.com^$csp", []),
        ("@@||example.com^$csp=img-src *", ["font-src *"]),
        ("@@||example.com^$csp=img-src", ["img-src *", "font-src *"]),
        ("@@||example.com^$csp,subdocument", ["img-src *", "font-src *"]),
        ("@@||example.com^", ["img-src *", "font-src *"]),
        ("@@||example.com^$document", []),
        ("@@||other.example^$csp", ["img-src *", "font-src *"]),
    ],
)
def test_exceptions_from_csp(exception: str, left: list[str]) -> None:
    lines = ("||example.com^$csp=img-src *", "||example.com^$csp=font-src *", exception)
    assert added(lines, page()) == [f"content-security-policy: {value}" for value in left]


def test_an_important_policy_passes_over_exceptions() -> None:
    assert added(("||example.com^$csp=img-src *,important", "@@||example.com^$csp"), page()) == [
        "content-security-policy: img-src *"
    ]
