import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.lists.formats import FILTERS, FORMATS, format_of, read_names
from forward_proxy.access.lists.reading import SHOWN, Ignored
from tests.access.lists.lists import compiled, found, listed

HOSTS = """\
# Title: a hosts file
127.0.0.1 localhost
::1 ip6-localhost
0.0.0.0 ads.test tracker.test # two of them
0.0.0.0 ads.test
192.0.2.7 nas.test
0.0.0.0
0.0.0.0 b\u00fccher.test -bad-
"""
DOMAINS = """\
! plain names and wildcards
ads.test
*.tracker.test
ADS.test.
http://not.test/
192.0.2.1
"""
DSTDOMAIN = """\
.ads.test
www.tracker.test
"""
DNSMASQ = """\
address=/ads.test/0.0.0.0
address=/a.test/b.test/#
address=/c.test/::
server=/d.test/
local=/e.test/
server=/lan.test/192.0.2.1
address=/nas.test/192.0.2.7
local=//
cache-size=10
"""
UNBOUND = """\
server:
local-zone: "ads.test" always_nxdomain
  local-zone: tracker.test. static
local-data: "exact.test A 0.0.0.0"
local-zone: "lan.test" transparent
local-data: "nas.test A 192.0.2.7"
private-address: 10.0.0.0/8
"""
RPZ = """\
$TTL 60
@ IN SOA localhost. root.localhost. (
    1 ; serial
    60 60 60 60 )
  IN NS localhost.
$ORIGIN rpz.local.
ads.test CNAME . ; a comment
*.ads.test CNAME .
good.ads.test CNAME rpz-passthru.
drop.test 300 IN CNAME rpz-drop.
full.test.rpz.local. CNAME *.
null.test A 0.0.0.0
32.7.2.0.192.rpz-ip CNAME .
nas.test A 192.0.2.7
"""
REGEX = r"""
# Pi-hole
^ads?[0-9]*[_.-]
(^|\.)tracker[^.[:space:]]*\.test$
^slow(a+)+$
(?=look)ahead
^only\.test$;querytype=A
"""


@pytest.mark.parametrize(
    ("name", "text", "on", "off"),
    [
        ("hosts", HOSTS, ["ads.test", "tracker.test", "xn--bcher-kva.test"], ["www.ads.test", "localhost", "nas.test"]),
        ("domains", DOMAINS, ["ads.test", "a.b.ads.test", "tracker.test", "x.tracker.test", "192.0.2.1"], ["test"]),
        ("dstdomain", DSTDOMAIN, ["ads.test", "x.ads.test", "www.tracker.test"], ["tracker.test", "a.www.tracker.test"]),  # noqa: E501
        (
            "dnsmasq",
            DNSMASQ,
            ["ads.test", "x.ads.test", "a.test", "b.test", "c.test", "d.test", "e.test"],
            ["lan.test", "nas.test", "other.test"],
        ),
        (
            "unbound",
            UNBOUND,
            ["ads.test", "x.ads.test", "tracker.test", "exact.test"],
            ["x.exact.test", "lan.test", "nas.test"],
        ),
        (
            "rpz",
            RPZ,
            ["ads.test", "x.ads.test", "drop.test", "full.test", "null.test"],
            ["good.ads.test", "x.drop.test", "nas.test", "test"],
        ),
        (
            "regex",
            REGEX,
            ["ad-1.test", "ads7.test", "tracker.test", "x.tracker9.test", "slowaaa"],
            ["bad-1.test", "trackers.more.test.org", "lookahead", "only.test"],
        ),
    ],
)  # fmt: skip
def test_each_format_is_told_by_its_content_and_means_what_it_means_elsewhere(
    name: str, text: str, on: list[str], off: list[str]
) -> None:
    assert format_of(text.encode()) == name
    assert listed(compiled(text), *on, *off) == on


@pytest.mark.parametrize(
    ("text", "rules", "duplicates", "ignored"),
    [
        (
            HOSTS,
            3,
            1,
            {
                "names this machine": 2,
                "leads to an address": 1,
                "names no host": 1,
                "not a host name": 1,
            },
        ),
        (DOMAINS, 3, 1, {"not a host name": 1}),
        (
            DNSMASQ,
            6,
            0,
            {
                "leads to another server": 1,
                "leads to an address": 1,
                "means every name, or those without a dot": 1,
                "not address=/NAME/, server=/NAME/ or local=/NAME/": 1,
            },
        ),
        (
            UNBOUND,
            3,
            0,
            {
                "a zone of type transparent denies nothing": 1,
                "leads to an address": 1,
                "not local-zone or local-data": 1,
            },
        ),
        (RPZ, 6, 0, {"looks at addresses or name servers": 1, "a policy of A 192.0.2.7 denies nothing": 1}),
    ],
)
def test_every_line_is_accounted_for(text: str, rules: int, duplicates: int, ignored: dict[str, int]) -> None:
    report = compiled(text).report
    assert report.lines == len(text.splitlines())
    assert (report.rules, report.duplicates, dict(report.ignored)) == (rules, duplicates, ignored)


def test_an_ignored_line_is_told_with_number_text_and_reason() -> None:
    assert compiled(HOSTS).report.examples[2] == Ignored(6, "192.0.2.7 nas.test", "leads to an address")
    reasons = {each.text: each.reason for each in compiled(REGEX).report.examples}
    assert reasons["^only\\.test$;querytype=A"] == "Pi-hole's ;querytype is not supported"
    assert reasons["(?=look)ahead"].startswith("regular expression: ")


def test_a_report_names_some_ignored_lines_and_counts_all() -> None:
    report = compiled("ads.test\n" + "-\n" * 1000, "domains").report
    assert report.ignored_count == 1000
    assert len(report.examples) == SHOWN


@pytest.mark.parametrize(
    "text",
    [
        "||ads.test^$third-party\n",
        "||ads.test^\n" * 3000 + "||ads.test/banner\n",
        "||ads.test^\n##.ad\n",
        "||ads.test^\n!#include more.txt\n",
        "[Adblock Plus 2.0]\nads.test\n",
        "! x\n@@||a.test^$script\nexample.com##.ad\n",
        "/banner/*/ad.\n",
    ],
)
def test_filters_of_adblockers_are_told_apart(text: str) -> None:
    assert format_of(text.encode()) == "adblock"


@pytest.mark.parametrize(
    "text",
    [
        "||ads.test^\n",
        "[Adblock Plus]\n! Title: x\n# y\n\n||ads.test^\r\n@@||a.ads.test^|\n||*.b.test^\n0.0.0.0 c.test # z\n",
        "\ufeff||ads.test^$important",
    ],
)
def test_filters_that_are_all_names_are_for_resolvers(text: str) -> None:
    assert format_of(text.encode()) == "adblock-dns"


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "one two three\n", "<html>\n<body>\n"])
def test_what_is_no_list_has_no_format(text: str) -> None:
    assert format_of(text.encode()) is None


def test_lines_are_numbered_as_an_editor_does() -> None:
    searched = compiled("\ufeff# Ads\r\n\r\n# a\u2028b\r\nads.test\r\n")
    assert (searched.report.lines, searched.report.ignored_count) == (4, 0)
    line = found(searched, "ads.test")
    assert line is not None
    assert line.line == 4


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(end: str) -> None:
    report = compiled(end.join(("# Ads", "0.0.0.0 ads.test", "192.0.2.1 nas.test", ""))).report
    assert (report.lines, report.rules, report.ignored) == (3, 1, (("leads to an address", 1),))


@given(
    st.binary(max_size=300),
    st.sampled_from([name for name in FORMATS if name not in ("auto", *FILTERS, "clearurls")]),
)
def test_no_content_raises(content: bytes, name: str) -> None:
    format_of(content)
    reading = read_names(content, name)
    assert reading.report().rules == len(reading.names) + len(reading.expressions)


@given(st.lists(st.text(alphabet="^ab.*+()[]{}|\\$?-d01;=#/: ", max_size=30), max_size=5))
def test_no_line_of_what_lists_are_made_of_raises(lines: list[str]) -> None:
    content = "\n".join(lines).encode()
    for name in FORMATS[1:-3]:
        read_names(content, name)
