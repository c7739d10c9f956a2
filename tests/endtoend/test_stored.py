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
