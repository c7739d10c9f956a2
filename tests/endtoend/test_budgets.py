"""A budget that runs out in the middle of browsing: in Chromium, and under downloads that are under way.

Most of its minutes are counted by the test, as another worker would; the proxy counts the rest.
"""

import json
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from forward_proxy.access.budgets import Account
from forward_proxy.storage.budgets import BudgetStore, Tally

from .browser import proxied_browser
from .clients import curl, eventually, own_environ, through
from .conftest import MakeProxy
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("browser")

MINUTES = 60
# The minute that runs may be one on top of those that were counted elsewhere.
SPENT = r"One hour of games a day: 6[0-9] of 60 minutes used today, more (tomorrow )?at [0-9:]{5}"


def rules() -> dict[str, str]:
    """An hour for each client, in a day that began twelve hours ago."""
    resets = (datetime.now(UTC) - timedelta(hours=12)).strftime("%H:%M")
    rule = "rules:\n  - id: games\n    action: deny\n    match: { host: blocked.test }\n"
    budget = f'    budget: {{ minutes: {MINUTES}, resets: "{resets}", zone: UTC }}\n'
    return {"10.yaml": f"{rule}{budget}    reason: One hour of games a day\n"}


def use(proxy: Proxy, minutes: int) -> None:
    """So many of the minutes before this one."""
    store, now = BudgetStore(proxy.state / "budgets"), int(time.time())
    store.start()
    used = range(now // 60 - minutes, now // 60)
    store.add({(Account("games", "127.0.0.1"), minute): Tally(opened=True) for minute in used}, now)


def body(driver: WebDriver) -> str:
    return driver.find_element(By.TAG_NAME, "body").text


def commanded(proxy: Proxy, *words: str) -> str:
    done = proxy.command(*words, "--state", str(proxy.state), "--rules", str(proxy.rules))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("service", "workers"), [("http", "1"), ("https", "2")])
def test_it_runs_out_while_somebody_browses(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, service: Service, workers: str
) -> None:
    url = site.url(f"/page/{token}", "blocked.test", service)
    with (
        make_proxy(rules=rules(), options=["--workers", workers]) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):

        def shown() -> str:
            driver.get(url)
            driver.refresh()  # What the browser has kept of its own it would show without asking.
            return body(driver)

        assert "Page" in shown()

        def left() -> int:
            (mine,) = (
                each for each in map(json.loads, commanded(proxy, "budgets", "--json").splitlines()) if each["client"]
            )
            return int(mine["left"])

        assert eventually(lambda: commanded(proxy, "budgets", "--json").count('"127.0.0.1"'), bool)
        assert MINUTES - 3 < left() < MINUTES
        use(proxy, MINUTES)
        assert re.search(SPENT, eventually(shown, lambda text: "minutes used" in text))
        driver.get("http://forward-proxy.invalid/")
        assert re.search(r"What is left today\ngames\s+6[0-9] of 60 minutes used today, more ", body(driver))
        told = commanded(proxy, "bonus", "games", "--minutes", "15", "--client", "127.0.0.1")
        assert told.startswith("games: 15 minutes more today for 127.0.0.1: 6")
        assert "Page" in shown()


@pytest.mark.parametrize("lane", ["on", "off"])
@pytest.mark.parametrize(("service", "version"), [("http", "--http1.1"), ("https", "--http1.1"), ("https", "--http2")])
def test_a_download_under_way_ends_with_it_and_the_log_says_why(
    site: Site, make_proxy: MakeProxy, token: str, service: Service, version: str, lane: str
) -> None:
    url = site.url(f"/download/200000000/{token}", "blocked.test", service)
    with make_proxy(rules=rules(), options=["--fast-lane", lane]) as proxy:
        command = ["curl", "-q", "-sS", version, "--limit-rate", "2M", "-o", "/dev/null", *through(proxy), url]
        with subprocess.Popen(command, env=own_environ(), stderr=subprocess.PIPE, text=True) as download:
            try:
                assert eventually(lambda: site.ledger.count(token), bool)
                use(proxy, MINUTES)
                _, complaint = download.communicate(timeout=60)
            finally:
                download.kill()
        assert download.returncode, "the whole of it came"
        assert complaint
        record = proxy.record(token)
        assert (record["rule_id"], record["error"]) == ("games", "http_request_denied")
        assert re.fullmatch(f"cut: {SPENT}", record["error_detail"])
        assert 0 < record["response_bytes"] < 200_000_000
        assert curl(*through(proxy), version, url).status == 403
