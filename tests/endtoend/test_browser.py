"""What does a person in front of Chromium get, and what do the sites learn of them?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from .browser import image_widths, proxied_browser, text_of, wait_for_text
from .conftest import RULE_FILE, RULES, Browse, MakeProxy, rule_line
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("browser")
WEB: list[Service] = ["http", "https"]
WHOLE = {"style.css", "one.png", "two.png", "three.png", "script.js", "data.json"}
# What tells of this proxy, of the client's address or of the browser's own identity.
TELL_TALE = {"via", "forwarded", "x-forwarded-for", "x-real-ip", "x-client-data", "proxy-connection"}


@pytest.fixture(
    scope="module",
    params=[{}, {"fast_lane_tls": "all"}, {"fast_lane": "off"}],
    ids=["as-shipped", "lane-for-all", "without-lane"],
)
def proxy(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The fast lane changes speed, never an answer: a person sees the same with it and without."""
    with Proxy(tmp_path_factory.mktemp("proxy"), site, rules={RULE_FILE: RULES}, settings=request.param) as running:
        yield running


def page_url(site: Site, token: str, service: Service) -> str:
    cdn, tracker = (site.url("", name, service) for name in ("cdn.test", "tracker.test"))
    return site.url(f"/page/{token}?cdn={cdn}&tracker={tracker}", service=service)


def parts_seen(site: Site, token: str) -> set[str]:
    return {seen.path.rpartition("/")[2] for seen in site.ledger.naming(f"/part/{token}")}


def assert_whole(driver: WebDriver, token: str) -> None:
    assert wait_for_text(driver, "fetched", token) == token
    assert text_of(driver, "script") == token
    assert image_widths(driver) == [8, 8, 8]
    colour = driver.find_element(By.ID, "styled").value_of_css_property("color")
    assert colour.replace(" ", "") in ("rgb(1,2,3)", "rgba(1,2,3,1)")


@pytest.mark.parametrize("service", WEB)
def test_a_page_is_whole_and_its_tracker_denied(
    site: Site, proxy: Proxy, browse: Browse, token: str, service: Service
) -> None:
    with browse() as driver:
        driver.get(page_url(site, token, service))
        assert_whole(driver, token)
        assert text_of(driver, "tracked") == "no"
    assert parts_seen(site, token) == WHOLE
    denied = proxy.record(f"/part/{token}/track.js")
    assert (denied["verdict"], denied["rule_id"]) == ("denied", "no-tracker")
    assert f"{RULE_FILE}:{rule_line('no-tracker')}" in denied["rule"]
    assert denied["reason"] == "It follows people about"


@pytest.mark.parametrize("service", WEB)
def test_another_visitor_is_served_from_the_cache(
    site: Site, proxy: Proxy, browse: Browse, token: str, service: Service
) -> None:
    for _ in range(2):  # A fresh profile each: no browser's own cache can answer the second.
        with browse() as driver:
            driver.get(page_url(site, token, service))
            assert_whole(driver, token)
    assert sorted(site.ledger.count(f"/part/{token}/{name}") for name in WHOLE) == [1] * len(WHOLE)
    assert site.ledger.count(f"/page/{token}") == 1
    assert proxy.record(f"/part/{token}/one.png", count=2)["cache"] == "hit"


@pytest.mark.parametrize("service", WEB)
def test_the_sites_learn_nothing_they_need_not(site: Site, browse: Browse, token: str, service: Service) -> None:
    with browse() as driver:
        driver.get(page_url(site, token, service))
        assert_whole(driver, token)
    for seen in site.ledger.naming(token):
        assert not TELL_TALE & seen.names, seen
        if seen.host == "cdn.test":
            assert token not in (seen.get("referer") or ""), seen


@pytest.mark.parametrize(("level", "learnt"), [("off", True), ("standard", False)])
def test_a_cookie_reaches_no_third_party(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, level: str, learnt: bool
) -> None:
    """At `off` the cookie arrives, so it is the proxy and not the browser that keeps it back at `standard`."""
    with (
        make_proxy(settings={"anonymity": level}) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        driver.get(site.url(f"/mark/{token}", "cdn.test", "https"))
        driver.get(site.url(f"/page/{token}?cdn={site.url('', 'cdn.test', 'https')}", service="https"))
        assert wait_for_text(driver, "fetched", token) == token
    third = next(seen for seen in site.ledger.naming(token) if seen.path.endswith("three.png"))
    assert (f"visitor={token[::-1]}" in (third.get("cookie") or "")) is learnt


@pytest.mark.parametrize(("service", "socket"), [("http", "ws"), ("https", "wss")])
def test_live_connections_stay_alive(site: Site, browse: Browse, token: str, service: Service, socket: Service) -> None:
    with browse() as driver:
        driver.get(site.url(f"/live/{token}?socket={site.url('/' + token, service=socket)}", service=service))
        assert wait_for_text(driver, "socket", "hello") == f"hello {token}"
        assert wait_for_text(driver, "events", " 0;") == f"{token} 0;"
        site.gates.release(token)  # The second event is written only now: the first came through on its own.
        assert wait_for_text(driver, "events", " 1;") == f"{token} 0; {token} 1;"


@pytest.mark.parametrize("service", WEB)
def test_a_login_holds(site: Site, browse: Browse, service: Service) -> None:
    with browse() as driver:
        driver.get(site.url("/login", "login.test", service))
        driver.find_element(By.NAME, "user").send_keys("ada")
        driver.find_element(By.ID, "enter").click()
        assert wait_for_text(driver, "user", "ada") == "ada"
        driver.get(site.url("/account", "login.test", service))
        assert text_of(driver, "user") == "ada"
    with browse() as driver:
        driver.get(site.url("/account", "login.test", service))
        assert text_of(driver, "user") == "nobody", "another visitor must not be ada"


@pytest.mark.parametrize("service", WEB)
def test_a_denied_page_says_which_rule_and_why(site: Site, browse: Browse, token: str, service: Service) -> None:
    with browse() as driver:
        driver.get(site.url(f"/page/{token}", "blocked.test", service))
        shown = driver.find_element(By.TAG_NAME, "body").text
    for told in ("Blocked by the tests", "not-here", f"{RULE_FILE}:{rule_line('not-here')}"):
        assert told in shown
    assert site.ledger.count(token) == 0
