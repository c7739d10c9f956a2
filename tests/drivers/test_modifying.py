"""What lists have done besides denying is the same with the fast lane and without: answer, head and record."""

from pathlib import Path

import pytest

from tests.policy.building import policy

from .pair import Pair
from .scenarios import inside, request, response

LIST = """||ads.test^$script,redirect=noopjs
||ads.test^$image,redirect=1x1.gif
||ads.test^$empty
||site.test^$csp=script-src 'self'
"""
RULES = "rules: [{ id: ads, action: deny, list: { source: ads.txt, format: adblock }, reason: Ads }]"
FRESH = ("Cache-Control", "max-age=3600")
HTML = ("Content-Type", "text/html")
STORED = (
    response("http://site.test/", FRESH, HTML, ("Content-Security-Policy", "img-src *")),
    response("https://site.test/", FRESH, HTML),
    response("http://site.test/x.js", FRESH),
)
PAGE = "Accept: text/html"


@pytest.fixture
def equal(pair: Pair, tmp_path: Path) -> Pair:
    (tmp_path / "ads.txt").write_text(LIST)
    pair.given(policy(tmp_path, RULES), STORED)
    return pair


@pytest.mark.parametrize(
    "octets",
    [
        request("http://ads.test/x.js"),
        request("http://ads.test/x.js", "Origin: http://news.test", "Sec-Fetch-Dest: script"),
        request("http://ads.test/x.js", method="HEAD"),
        request("http://ads.test/x.gif"),
        request("http://ads.test/x"),
        request("http://ads.test/x", "Content-Length: 3", method="POST") + b"abc",
        request("http://site.test/", PAGE),
        request("http://site.test/", PAGE, last=False) * 2 + request("http://site.test/", PAGE),
        request("http://site.test/x.js"),
    ],
)
def test_cleartext(equal: Pair, octets: bytes) -> None:
    lane, chain = equal.seen(octets)
    assert lane == chain
    assert set(lane.statuses) == {200}


def test_inside_tls(equal: Pair) -> None:
    lane, chain = equal.seen(inside("/", "site.test", PAGE), tunnel="site.test:443")
    assert lane == chain
    assert b"\r\nContent-Security-Policy: script-src 'self'\r\n" in lane.octets


def test_a_denial_stays_one_in_the_record(equal: Pair) -> None:
    for seen in equal.seen(request("http://ads.test/x.gif")):
        assert b"\r\n\r\nGIF89a" in seen.octets
        assert b"\r\nCache-Control: no-store\r\n" in seen.octets
    for running in equal.both:
        record = running.records[-1]
        assert (record.outcome, record.verdict, record.status) == ("denied", "denied", 200)
        assert (record.rule_id, (record.rule or "").endswith("ads.txt:2")) == ("ads", True)
        assert (record.reason or "").endswith("; answered with the surrogate 1x1.gif")


def test_what_is_added_is_in_the_record(equal: Pair) -> None:
    equal.seen(request("http://site.test/", PAGE))
    for running in equal.both:
        reason = running.records[-1].reason or ""
        assert "; adds content-security-policy: script-src 'self' (" in reason
        assert reason.endswith("ads.txt:4)")
