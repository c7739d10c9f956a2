from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.importing.squid import read_squid
from forward_proxy.importing.writing import rule_file
from tests.importing.verdicts import NOON, carried, denies, left, loaded

CONF = """\
# An office
acl localnet src 10.0.0.0/8 192.168.0.1-192.168.0.9
acl SSL_ports port 443
acl Safe_ports port 80 443	# web
acl Safe_ports port 1025-65535
acl CONNECT method CONNECT
acl bad dstdomain .ads.test \\
    exact.test
acl work time MTWHF 9:00-17:00
acl games dstdomain .games.test
acl films urlpath_regex -i \\.mp4$
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
http_access deny bad
http_access deny games work
http_access deny games films
http_access allow localnet !games
http_access allow localhost
http_access deny all
http_port 127.0.0.1:3128
cache_dir ufs /var/spool/squid 100 16 256
cache deny bad
refresh_pattern . 0 20% 4320
include /etc/squid/conf.d/*.conf
"""


def test_lines_are_asked_in_their_order_and_decide_as_in_squid() -> None:
    found = read_squid(CONF)
    assert denies(found, "http://a.test:81/")
    assert denies(found, "https://a.test:8443/", method="CONNECT")
    assert not denies(found, "https://a.test/", method="CONNECT")
    assert denies(found, "http://x.ads.test/")
    assert denies(found, "http://exact.test/")
    assert not denies(found, "http://x.exact.test/")
    assert not denies(found, "http://a.test/", client="10.1.2.3")
    assert not denies(found, "http://a.test/", client="192.168.0.9")
    assert denies(found, "http://a.test/", client="192.168.0.10")
    assert denies(found, "http://games.test/", client="10.1.2.3", at=NOON + timedelta(hours=8))
    assert not denies(found, "http://games.test/x.MP4?y", at=NOON + timedelta(hours=8))
    assert denies(found, "http://games.test/x.MP4", at=NOON + timedelta(hours=8))


@pytest.mark.parametrize(("minutes", "denied"), [(-181, False), (-180, True), (299, True), (300, True), (301, False)])
def test_the_last_minute_of_squids_hours_belongs_to_them(minutes: int, denied: bool) -> None:
    assert denies(read_squid(CONF), "http://games.test/", at=NOON + timedelta(minutes=minutes)) == denied


def test_every_line_that_says_something_is_told() -> None:
    found = read_squid(CONF)
    assert [int(line.place) for line in found.lines] == [2, 3, 4, 5, 6, 7, *range(9, 25)]
    assert {line.place: line.detail for line in found.lines if line.outcome == "setting"} == {
        "20": 'listen: "127.0.0.1:3128"', "21": "cache: { size_limit: 100MiB }",
    }  # fmt: skip
    assert carried(found)["2"] == "squid-17"
    assert carried(found)["12"] == "squid-12"
    assert left(found) == {
        "23": "no rule and no setting says this",
        "24": "another file; import it by itself, after putting its lines in this place",
    }
    (bypass,) = loaded(found).cache
    assert (bypass.where.id, bypass.value.bypass) == ("squid-22", True)


@pytest.mark.parametrize(
    ("conf", "line", "why"),
    [
        ("acl x dst 192.0.2.1\nhttp_access deny x", "2", "not the address it resolves to"),
        ("acl x browser Firefox\nhttp_access deny x", "2", "of type browser, for which rules have no key"),
        ('acl x src "/etc/squid/bad"\nhttp_access deny x', "2", "are in another file"),
        ('acl x dstdomain "bad.txt"\nhttp_access deny x', "2", "are in another file"),
        ('acl x dstdomain "/etc/bad" .a.test\nhttp_access deny x', "2", "has values in a file and here"),
        ('acl x dstdomain "/etc/bad"\nhttp_access deny !x', "2", "not about what is on none"),
        ('acl x dstdomain "/a"\nacl y dstdomain "/b"\nhttp_access deny x y', "3", "x and y are lists"),
        ('acl x dstdomain "/etc/bad"\ncache deny x', "2", "are in another file"),
        ("http_access deny nowhere", "1", "acl nowhere is not defined here"),
        ("http_access deny manager", "1", "pages of Squid's own"),
        ("acl x dstdomain a.test\nacl y dstdomain b.test\nhttp_access deny x y", "3", "two different ACLs about host"),
        ("acl x dstdomain .a.test\nacl y src 10.0.0.1\nhttp_access deny !x !y", "3", "not host and not client at once"),
        ("acl x url_regex ads\nhttp_access allow !x", "2", "rules do not negate url for it"),
        ("acl x method GET\nhttp_access allow !x", "2", "rules do not negate method for it"),
        ("acl x url_regex a(?=b)\nhttp_access deny x", "2", "regular expression"),
        ("acl x dstdom_regex a|b\nhttp_access deny x", "2", "more than letters"),
        ("acl x src 10.0.0.1/33\nhttp_access deny x", "2", "expected an IP address or a network"),
        ("acl x port 99999\nhttp_access deny x", "2", "is no port"),
        ("acl x time Z\nhttp_access deny x", "2", "expected days such as"),
        ("acl x time 17:00-9:00\nhttp_access deny x", "2", "does not lie within one day"),
        ("acl x dstdomain a.test\nacl x src 10.0.0.1\nhttp_access deny x", "3", "acl x has two types"),
        ("acl x\nhttp_access deny all", "1", "expected a name and a type"),
        ("http_access deny !all", "1", "!all matches nothing"),
        ("cache allow all\ncache deny all", "2", "a cache entry only says bypass"),
        ("http_port 3128 ssl-bump", "1", "its options have no counterpart"),
    ],
)
def test_what_cannot_be_said_exactly_is_told_with_its_line_and_why(conf: str, line: str, why: str) -> None:
    found = read_squid(conf)
    assert why in left(found)[line]
    assert not [entry for entry in found.entries if entry.id == f"squid-{line}"]


def test_what_squid_does_when_no_line_matches_is_a_setting() -> None:
    for last, default in (("allow", "deny"), ("deny", "allow")):
        found = read_squid(f"acl x dstdomain a.test\nhttp_access {last} x\n")
        assert found.lines[-1].detail == f"default_verdict: {default}"
    assert read_squid("http_access deny all").lines[-1].outcome == "carried"
    assert read_squid("").lines[-1].detail == "default_verdict: deny"


WORDS = st.sampled_from(
    ["acl", "http_access", "cache", "deny", "allow", "x", "!x", "src", "port", "time", "url_regex", "dstdomain",
     "10.0.0.1", "9:00-8:00", "[", "(", "a.test", "-i", "\\",
     "\n", "#", '"', "99999999999", "1-", "MTW", "\x00", "::1-::2", "all"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_whatever_is_carried_loads(conf: str) -> None:
    found = read_squid(conf)
    assert len(loaded(found).access.rules) + len(loaded(found).cache) == len(found.entries)


LISTS = """\
acl bad dstdomain "/etc/squid/bad" "/etc/squid/worse"
acl office src 10.0.0.0/8
acl CONNECT method CONNECT
http_access deny bad !office
http_access deny bad
http_access allow all
"""


def test_a_file_of_names_is_a_list_in_squids_own_format() -> None:
    found = read_squid(LISTS)
    found.leave_files(lambda path: True)
    assert (
        rule_file(found, "x")
        .partition("rules:\n")[2]
        .startswith("""\
  - id: squid-4
    action: deny
    list:
      - source: "/etc/squid/bad"
        format: dstdomain
      - source: "/etc/squid/worse"
        format: dstdomain
    match:
      not:
        client: 10.0.0.0/8
    reason: "Squid: http_access deny bad !office"
  - id: squid-5
    action: deny
    list:
""")
    )
    assert carried(found)["1"] == "squid-4, squid-5"


def test_a_file_that_is_not_there_takes_its_lines_with_it(tmp_path: Path) -> None:
    (there := tmp_path / "bad").write_text(".bad.test\nexact.test\n")
    conf = LISTS.replace('"/etc/squid/bad" "/etc/squid/worse"', f'"{there}"')
    found = read_squid(conf)
    found.leave_files(lambda path: Path(path).is_file())
    assert denies(found, "http://x.bad.test/")
    assert denies(found, "http://exact.test/")
    assert not denies(found, "http://x.exact.test/")
    assert denies(found, "http://x.bad.test/", client="10.1.2.3")
    found = read_squid(LISTS)
    found.leave_files(lambda path: path == "/etc/squid/bad")
    assert [entry.id for entry in found.in_force] == ["squid-6"]
    gone = "there is no file /etc/squid/worse; it is written as a comment"
    assert left(found) == {**dict.fromkeys("1245", gone), "3": "no line that is carried asks for it"}
    assert loaded(found).access.rules[0].value == "allow"
