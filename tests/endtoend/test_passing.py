"""What do people get whose programs do not trust the proxy's certificate, or whose hosts are not to be opened?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from .browser import proxied_browser
from .clients import Answer, curl, eventually
from .conftest import MakeProxy
from .proxy import Proxy, Record
from .site import Site

HINT = r"warning: 127\.0\.0\.1 refused the certificate for \S+: such hosts pass unread for it from the next try on\..*"
LANES = pytest.mark.parametrize("lane", [{}, {"fast_lane": "off"}], ids=["lane", "chain"])


def distrusting(site: Site, proxy: Proxy, url: str, *more: str) -> Answer:
    """By a client that trusts the site and not the proxy."""
    return curl("--proxy", proxy.url, "--noproxy", "", "--cacert", str(site.ca_file), *more, url)


def inspect(proxy: Proxy, *words: str) -> str:
    done = proxy.command("inspect", *words, "--state", str(proxy.state))
    assert done.returncode == 0, done.stderr
    return done.stdout


def remembered(proxy: Proxy) -> list[dict[str, object]]:
    words = ("list", "--json", "--rules", str(proxy.rules))
    return [json.loads(line) for line in inspect(proxy, *words).splitlines()]


def outcome(proxy: Proxy, host: str, word: str) -> Record:
    """The newest record of this host with this outcome."""
    found = proxy.log(f"host:{host}", lambda records: any(record["outcome"] == word for record in records))
    return next(record for record in reversed(found) if record["outcome"] == word)


@contextmanager
def noisy(proxy: Proxy) -> Iterator[Proxy]:
    with proxy:
        proxy.noise = HINT
        yield proxy


@LANES
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_the_second_try_gets_through_unread(
    site: Site, make_proxy: MakeProxy, token: str, lane: dict[str, object], version: str
) -> None:
    with noisy(make_proxy(settings=lane)) as proxy:
        url = site.url(f"/answer/{token}?cache-control=max-age%3D600", service="https")
        first = distrusting(site, proxy, url, version)
        assert first.exit_status == 60
        eventually(lambda: remembered(proxy), bool)
        second = distrusting(site, proxy, url, version)
        assert (second.exit_status, second.status) == (0, 200)
        refused, passed = (outcome(proxy, "site.test", word) for word in ("refused", "pass-through"))
        assert refused["error_detail"].endswith("from now on it passes unread for this client")
        assert "not opened, since 127.0.0.1 refused the certificate for site.test" in passed["reason"]
        assert passed["response_bytes"] > 0


def test_it_is_shared_by_workers_outlives_the_proxy_and_is_forgotten_by_command(
    site: Site, make_proxy: MakeProxy, token: str
) -> None:
    url = site.url(f"/answer/{token}?cache-control=max-age%3D600", service="https")
    with noisy(make_proxy(settings={"workers": 2})) as proxy:
        assert distrusting(site, proxy, url).exit_status == 60
        eventually(lambda: remembered(proxy), bool)
        assert [distrusting(site, proxy, url).exit_status for _ in range(6)] == [0] * 6
    with noisy(make_proxy(settings={"workers": 2})) as proxy:
        assert distrusting(site, proxy, url).exit_status == 0
        (kept,) = remembered(proxy)
        assert (kept["client"], kept["host"], kept["next"]) == ("127.0.0.1", "site.test", "passes unread")
        assert inspect(proxy, "forget", "site.test") == "1 forgotten\n"
        assert distrusting(site, proxy, url).exit_status == 60


@LANES
def test_no_rule_is_got_around(site: Site, make_proxy: MakeProxy, token: str, lane: dict[str, object]) -> None:
    rules = """rules:
  - { id: secrets, action: deny, match: { host: site.test, path: "/secret*" } }
  - { id: closed, action: deny, match: { host: cdn.test } }
inspect:
  - { action: always, match: { host: tracker.test } }
"""
    with make_proxy(rules={"10.yaml": rules}, settings=lane) as proxy:
        for host in ("site.test", "tracker.test"):
            for _ in range(3):
                assert distrusting(site, proxy, site.url(f"/secret/{token}", host, "https")).exit_status == 60
        assert site.ledger.naming(token) == []
        assert "10.yaml:2 may deny what is inside" in outcome(proxy, "site.test", "refused")["error_detail"]
        # What is denied as a whole is denied when it would pass unread, too.
        proxy.noise = HINT
        url = site.url(f"/secret/{token}", "cdn.test", "https")
        assert distrusting(site, proxy, url).exit_status == 60
        denied = eventually(lambda: distrusting(site, proxy, url), lambda answer: answer.exit_status == 56)
        assert denied.report["http_connect"] == 403
        assert site.ledger.naming(token) == []
        assert "says always" in outcome(proxy, "tracker.test", "refused")["error_detail"]


def test_chromium_without_the_certificate_shows_every_page_at_the_second_try(
    site: Site, make_proxy: MakeProxy, token: str, tmp_path: Path
) -> None:
    cdn = site.url("", "cdn.test", "https")
    pages = [site.url(f"/page/{token}?cdn={cdn}&tracker={cdn}", service="https"), site.url("/", "cdn.test", "https")]
    with noisy(make_proxy()) as proxy, proxied_browser(tmp_path / "browser", site.ca_file, proxy.url) as driver:
        for page in pages:
            shown = []
            for _ in range(2):
                try:
                    driver.get(page)
                except WebDriverException:
                    shown.append(False)
                else:
                    shown.append("ERR_CERT" not in driver.find_element(By.TAG_NAME, "body").text)
            assert shown[-1], page
            assert driver.current_url.startswith("https://")
        assert {str(each["host"]) for each in remembered(proxy)} >= {"site.test", "cdn.test"}


def test_without_inspection_there_is_no_authority_and_the_proxy_is_useful(
    site: Site, make_proxy: MakeProxy, token: str
) -> None:
    rules = "rules: [{ id: closed, action: deny, match: { host: cdn.test } }]\n"
    with make_proxy(rules={"10.yaml": rules}, settings={"inspect": "off"}) as proxy:
        assert (
            distrusting(site, proxy, site.url(f"/answer/{token}?cache-control=max-age%3D600", service="https")).status
            == 200
        )
        assert distrusting(site, proxy, site.url(f"/{token}", "cdn.test", "https")).exit_status != 0
        for _ in range(2):
            assert distrusting(site, proxy, site.url(f"/answer/{token}?cache-control=max-age%3D600")).status == 200
        assert proxy.record(f"/answer/{token}", count=2)["cache"] == "hit"
        tunnel = outcome(proxy, "site.test", "tunnel")
        assert tunnel["response_bytes"] > 0
        assert tunnel["ended_at"] > tunnel["started_at"]
        assert list((proxy.state / "ca").glob("*ca.*")) == []
