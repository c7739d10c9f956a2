"""What does the store answer, beyond the GET that was answered before?"""

import pytest

from .clients import curl, through
from .content import octets
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("stored")
WEB: list[Service] = ["http", "https"]


@pytest.mark.parametrize("service", WEB)
def test_an_answer_to_post_that_is_the_target_answers_get(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    """RFC 9110 §9.3.3; the POST invalidates what was there (RFC 9111 §4.4), not what it leaves."""
    url = site.url(f"/answer/{token}?Cache-Control=max-age%3D600&Content-Location=&echo=X-Version", service=service)
    curl(*through(proxy), "-H", "X-Version: 1", url)
    for number in (2, 3):
        posted = curl(*through(proxy), "-H", f"X-Version: {number}", "-d", "x", url)
        assert posted.content == b"%d" % number
        assert proxy.record(token, 2 * number - 2)["cache_stored"]
        got = curl(*through(proxy), "-H", "X-Version: 9", url)
        assert (got.content, "hit" in got.field("cache-status")) == (b"%d" % number, True)
    assert curl(*through(proxy), "--head", url).field("content-length") == "1"
    assert [seen.method for seen in site.ledger.naming(token)] == ["GET", "POST", "POST"]


def test_any_other_answer_to_post_leaves_nothing(site: Site, proxy: Proxy, token: str) -> None:
    url = site.url(f"/answer/{token}?Cache-Control=max-age%3D600&Content-Location=/answer/{token}")
    for _ in range(2):
        curl(*through(proxy), "-d", "x", url)
    assert curl(*through(proxy), url).content == octets(token, 512)
    assert [seen.method for seen in site.ledger.naming(token)] == ["POST", "POST", "GET"]


@pytest.mark.parametrize("service", WEB)
def test_a_film_that_was_played_from_its_beginning_is_stored(
    site: Site, proxy: Proxy, token: str, service: Service
) -> None:
    """Media players ask for everything as a range; what they ask for later is in the store (RFC 9111 §3.4)."""
    url = site.url(f"/answer/{token}?size=300000&Cache-Control=max-age%3D600&ETag=%22a%22", service=service)
    film = octets(token, 300_000)
    first = curl(*through(proxy), "-r", "0-", url)
    assert (first.status, first.content) == (206, film)
    for ranges, status, content in (("200000-", 206, film[200_000:]), ("-9", 206, film[-9:]), ("0-", 206, film)):
        answer = curl(*through(proxy), "-r", ranges, url)
        assert (answer.status, answer.content) == (status, content)
    whole = curl(*through(proxy), url)
    assert (whole.status, whole.content, whole.field("content-range")) == (200, film, "")
    assert site.ledger.count(token) == 1


def test_a_part_is_relayed_and_not_stored(site: Site, proxy: Proxy, token: str) -> None:
    url = site.url(f"/answer/{token}?size=3000&Cache-Control=max-age%3D600&ETag=%22a%22")
    for _ in range(2):
        assert curl(*through(proxy), "-r", "0-2998", url).status == 206
    assert curl(*through(proxy), url).content == octets(token, 3000)
    assert site.ledger.count(token) == 3
