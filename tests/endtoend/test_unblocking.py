"""A person before a page that was denied, in Chromium: unblocks it, asks for it, and finds it blocked again."""

import json
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from .browser import PATIENCE_S, proxied_browser
from .clients import curl, eventually, through
from .conftest import MakeProxy
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("browser")

RULES = {
    "10.yaml": "rules:\n  - { id: no-games, action: deny, match: { host: blocked.test }, reason: Homework first }\n"
}
HERE = ["127.0.0.1"]


def body(driver: WebDriver) -> str:
    return driver.find_element(By.TAG_NAME, "body").text


def told(driver: WebDriver, words: str) -> bool:
    """Whether a page that says this comes after a click."""
    # While one page goes and the next comes, the driver may complain of either.
    wait = WebDriverWait(driver, PATIENCE_S, poll_frequency=0.05, ignored_exceptions=(WebDriverException,))
    return bool(wait.until(lambda page: words in body(page)))


def follow(driver: WebDriver, words: str) -> None:
    driver.find_element(By.LINK_TEXT, words).click()


def commanded(proxy: Proxy, *words: str) -> str:
    done = proxy.command(*words, "--state", str(proxy.state))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("service", "workers"), [("http", "1"), ("https", "2")])
def test_who_may_unblocks_a_page_where_it_is_denied(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, service: Service, workers: str
) -> None:
    url = site.url(f"/page/{token}", "blocked.test", service)
    with (
        make_proxy(rules=RULES, settings={"unblock_from_page": HERE}, options=["--workers", workers]) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        driver.get(url)
        assert "Homework first" in body(driver)
        follow(driver, "Unblock it for a while")
        assert told(driver, "Unblock blocked.test?")
        assert "127.0.0.1" in body(driver)
        driver.find_element(By.XPATH, "//button[text()='Unblock for 15 min']").click()
        assert told(driver, "Unblocked")
        follow(driver, "Open it")
        assert told(driver, token)
        assert driver.current_url == url
        assert site.ledger.count(token)
        (grant,) = map(json.loads, commanded(proxy, "grants", "--json").splitlines())
        assert (grant["target"], grant["client"], grant["by"]) == (
            "blocked.test", "127.0.0.1/32", "127.0.0.1 from the page"
        )  # fmt: skip
        commanded(proxy, "revoke", str(grant["id"]))
        driver.get(url)
        assert "Homework first" in body(driver)
        assert {record["outcome"] for record in proxy.log("forward-proxy.invalid", lambda found: len(found) > 1)} == {
            "page"
        }


def test_who_may_only_ask_is_let_through_once_it_is_approved(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    url = site.url(f"/page/{token}", "blocked.test", "https")
    with (
        make_proxy(rules=RULES, settings={"ask_from_page": HERE}) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        driver.get(url)
        follow(driver, "Ask for access")
        assert told(driver, "Ask for blocked.test?")
        driver.find_element(By.XPATH, "//button[text()='Ask for access']").click()
        assert told(driver, "Asked for")
        (asked,) = map(json.loads, commanded(proxy, "requests", "--json").splitlines())
        assert (asked["target"], asked["client"]) == ("blocked.test", "127.0.0.1")
        driver.get(url)
        assert "Homework first" in body(driver)
        commanded(proxy, "approve", str(asked["id"]), "--for", "15m")
        driver.get(url)
        assert "Homework first" not in body(driver)


def test_what_was_unblocked_for_a_while_is_blocked_again_by_itself(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    url = site.url(f"/page/{token}", "blocked.test", "https")
    with (
        make_proxy(rules=RULES) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):

        def shown() -> str:
            driver.refresh()  # What the browser has kept of its own it would show without asking.
            return body(driver)

        driver.get(url)
        assert "Homework first" in shown()
        assert "Unblock" not in body(driver)
        commanded(proxy, "allow", "blocked.test", "--for", "4s")
        assert "Homework first" not in shown()
        assert "Homework first" in eventually(shown, lambda text: "Homework first" in text)


def test_scripts_of_a_site_that_is_denied_in_part_cannot_unblock_the_rest(
    site: Site, make_proxy: MakeProxy, token: str
) -> None:
    """What such a script can do is what curl can do without the page: it has no token, and not this Origin."""
    own = "http://forward-proxy.invalid/?url=http%3A%2F%2Fblocked.test%2F"
    with make_proxy(rules=RULES, settings={"unblock_from_page": HERE}) as proxy:
        read = curl(site.url("/", "blocked.test"), *through(proxy), "-H", "Accept: text/html")
        assert (read.status, b"token" in read.content, b"<form" in read.content) == (403, False, False)
        for origin in ([], ["-H", "Origin: http://blocked.test"], ["-H", "Origin: http://forward-proxy.invalid"]):
            answer = curl("-X", "POST", f"{own}&for=900&until=9999999999&token=0", *origin, *through(proxy))
            assert answer.status == 403
        assert curl(own, *through(proxy)).fields.get("access-control-allow-origin") is None
        assert proxy.command("grants", "--state", str(proxy.state)).stdout == ""
