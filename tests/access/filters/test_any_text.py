"""Whatever is written in a list or asked for: nothing raises, order means nothing, no spelling passes."""

import re
from urllib.parse import quote

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forward_proxy.access.filters import packed, parse_filters, unpacked
from forward_proxy.access.lists.reading import text_lines
from forward_proxy.matching.subject import Subject
from forward_proxy.message.targets import TargetUri, parse_target_uri
from tests.access.filters.asking import request, tunnel

HOSTS = ("ads.example", "example.com", "cdn.example.com", "192.0.2.1")
PIECES = st.sampled_from(
    (
        *(
            "||",
            "|",
            "^",
            "*",
            "/",
            "ad",
            "banner",
            ".",
            "js",
            "?",
            "=",
            "%",
            "%2F",
            "-",
            "@@",
            "$",
            "#",
            "##",
            " ",
            "!",
        ),
        *(
            "~",
            "script",
            "image",
            "third-party",
            "domain=",
            "important",
            "badfilter",
            "match-case",
            "to=",
            ",",
            "[",
            "(",
        ),
        *("removeparam=", "redirect=", "redirect-rule=noopjs", "csp=", "permissions=", "rewrite=abp-resource:", "mp4"),
        *(")", "+", "\\", "{100,}", ".*", "document", "all", "ä", "\ud800", "\x00", *HOSTS),
    )
)
LINE = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=40)
FILTER = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "@@"]),
    st.sampled_from(["||ads.example^", "||example.com/ad", "/ad/", "ad.js|", "*ad*js", "^ad^", "/a[dx]/", "|https://"]),
    st.sampled_from(
        [
            *("", "$script", "$~script", "$important", "$3p", "$domain=news.example", "$badfilter", "$all"),
            *(
                "$removeparam=a",
                "$removeparam",
                "$removeparam=/^a/",
                "$removeparam=a,important",
                "$redirect-rule=noopjs",
            ),
            *(
                "$redirect=noop.txt:3",
                "$redirect",
                "$csp=img-src *",
                "$csp",
                "$permissions=camera=()",
                "$csp,badfilter",
            ),
        ]
    ),
)
REQUESTS = [
    *(request(f"https://{host}{path}", resource) for host in HOSTS for path in ("/", "/ad/x?a=1&b", "/x/ad.js")
      for resource in ("script", "document", "image")),
    *(tunnel(host) for host in HOSTS),
]  # fmt: skip


def verdict(text: str, asked: Subject) -> bool | None:
    found = parse_filters(text, "x")[0].find(asked)
    return None if found is None else found.exception


def all_said(text: str, asked: Subject) -> tuple[object, ...]:
    """The verdict, and all that is done besides, but for the lines that did it."""
    filters = parse_filters(text, "x")[0]
    found = filters.find(asked)
    stands_in = filters.replacement(asked)
    said = found and found.exception, stands_in and stands_in.surrogate
    gone = [each for each in ("a=1", "b=1") if any(removal.takes(each) for removal in filters.removals(asked))]
    return said, gone, {(each.name, each.value) for each in filters.additions(asked)}


@settings(deadline=None)
@given(st.lists(LINE, max_size=6), st.text(max_size=30))
def test_reading_and_asking_never_raise(lines: list[str], path: str) -> None:
    text = "\n".join(lines)
    filters, report = parse_filters(text, "x")
    target = parse_target_uri(f"https://cdn.example.com/{path}")
    for asked in [*REQUESTS, *([request(str(target))] if isinstance(target, TargetUri) else [])]:
        filters.find(asked)
        for removal in filters.removals(asked):
            removal.takes(path)
        filters.additions(asked)
        filters.replacement(asked)
    assert len(report.ignored) <= report.lines == len(text_lines(text.removeprefix("\ufeff")))
    assert unpacked(packed(filters, (report,), "abc"), "abc") == (filters, (report,))


@settings(deadline=None)
@given(st.lists(FILTER, max_size=8).flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))))
def test_the_order_of_lines_does_not_change_a_verdict(lines: tuple[list[str], list[str]]) -> None:
    one, other = ("\n".join(several) for several in lines)
    for asked in REQUESTS:
        assert all_said(one, asked) == all_said(other, asked)


@settings(deadline=None)
@given(st.data())
def test_no_spelling_of_a_blocked_host_passes(data: st.DataObject) -> None:
    host = data.draw(st.sampled_from(["ads.example", "bücher.example", "sub.ads.example"]))
    spelled = "".join(
        data.draw(st.sampled_from([char, char.upper(), quote(char), "".join(f"%{o:02x}" for o in char.encode())]))
        for char in host
    )
    spelled += data.draw(st.sampled_from(["", "."]))
    userinfo, port = data.draw(st.sampled_from(["", "a:b@"])), data.draw(st.sampled_from(["", ":443", ":8443"]))
    target = parse_target_uri(f"HTTPS://{userinfo}{spelled}{port}/x")
    assert isinstance(target, TargetUri)
    for line in ("||ads.example^\n||bücher.example^", "0.0.0.0 ads.example bücher.example sub.ads.example"):
        assert verdict(line, request(str(target))) is False


@settings(deadline=None)
@given(
    st.lists(st.text(alphabet="aB1_-.~%2F[]{é+", min_size=1, max_size=6), min_size=1, max_size=4), st.text(max_size=5)
)
def test_a_parameter_goes_by_its_name_whatever_else_is_in_the_query(names: list[str], other: str) -> None:
    """Whatever key its filter is filed under."""
    target = parse_target_uri(f"https://ads.example/?{other}&{'&'.join(f'{name}=1' for name in names)}#x")
    assume(isinstance(target, TargetUri) and not names[0].startswith("~"))
    assert isinstance(target, TargetUri)
    there = [parameter for parameter in (target.query or "").split("&") if parameter.partition("=")[0] == names[0]]
    removals = parse_filters(f"$removeparam={names[0]}", "x")[0].removals(request(str(target), "document"))
    assert bool(removals) or not there
    assert all(removal.takes(parameter) for removal in removals for parameter in there)


def as_expression(pattern: str) -> str:
    """The pattern as the documentation of Adblock Plus explains it."""
    begins, body = re.fullmatch(r"(\|{0,2})(.*)", pattern, re.DOTALL).groups()  # type: ignore[union-attr]
    ends = body.endswith("|")
    words = {"*": ".*", "^": r"(?:[^\w.%-]|\Z)"}
    inside = "".join(words.get(char) or re.escape(char) for char in body.removesuffix("|"))
    return {"": "", "|": "^", "||": r"^https?://(?:[^/?]*\.)?"}[begins] + inside + (r"\Z" if ends else "")


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["", "|", "||", "|https://", "||ads.example", "||example"]),
    st.text(alphabet="ad/^*.-?s", max_size=8),
    st.sampled_from(["", "|"]),
    st.text(alphabet="ad/.-?s", max_size=16),
)
def test_a_pattern_holds_as_its_expression_would(begins: str, body: str, ends: str, path: str) -> None:
    """Whatever its form, and whatever key it is filed under."""
    pattern = begins + body + ends
    assume(not re.match(r"\|{1,2}[*|]", pattern) and not pattern.endswith("*|"))
    assume(not (pattern.startswith("/") and pattern.endswith("/")))
    # At the end of a URL the expression takes one end for several `^`.
    assume(not re.search(r"\^[*^]*\^[*|]*$", pattern) and pattern.strip("|"))
    target = parse_target_uri(f"https://ads.example/{path}")
    assert isinstance(target, TargetUri)
    expected = re.search(as_expression(pattern), str(target), re.ASCII | re.IGNORECASE) is not None
    assert (verdict(f"{pattern}$script", request(str(target))) is False) is expected
