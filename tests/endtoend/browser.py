"""A headless Chromium as a person would have it: a fresh profile, and no other CA trusted than the one given.

Trust stands in an NSS database in a home of its own, so nothing of the machine's is read or changed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 20
# Chromium bypasses proxies for loopback, speaks to its maker on its own, and would rather not open http:// at all.
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,LocalNetworkAccessChecks,OptimizationHints,MediaRouter",
)


def missing_tools() -> list[str]:
    return [name for name in ("chromium", "chromedriver", "certutil") if shutil.which(name) is None]


@contextmanager
def browser(home: Path, ca_file: Path | None, *options: str) -> Iterator[WebDriver]:
    """A browser with an empty profile in the folder `home`; skips the test where the tools are absent.

    Without a CA, it trusts what the home does.
    """
    if missing := missing_tools():
        pytest.skip(f"not installed: {', '.join(missing)}")
    if ca_file is not None:
        _trust(home, ca_file)
    chosen = webdriver.ChromeOptions()
    chosen.binary_location = str(shutil.which("chromium"))
    for argument in (*_ARGUMENTS, f"--user-data-dir={home / 'profile'}", *options):
        chosen.add_argument(argument)
    # Cookies of third parties are let out, so that a test can tell who kept one back.
    chosen.add_experimental_option("prefs", {"profile.cookie_controls_mode": 0})
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    service = Service(str(shutil.which("chromedriver")), env=environ | {"HOME": str(home)})
    driver = webdriver.Chrome(chosen, service)
    driver.set_page_load_timeout(PATIENCE_S)
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def proxied_browser(home: Path, ca_file: Path | None, proxy_url: str, *more: str) -> Iterator[WebDriver]:
    """A browser that sends everything, loopback too, to the proxy; `more` are flags of its command line."""
    options = (f"--proxy-server={proxy_url}", "--proxy-bypass-list=<-loopback>", *more)
    with browser(home, ca_file, *options) as driver:
        yield driver


def text_of(driver: WebDriver, element_id: str) -> str:
    return driver.find_element(By.ID, element_id).text


def wait_for_text(driver: WebDriver, element_id: str, expected: str) -> str:
    """The element's text once it contains what is expected, or as it was when patience ended."""
    wait = WebDriverWait(driver, PATIENCE_S, poll_frequency=0.05, ignored_exceptions=())
    try:
        wait.until(lambda d: expected in text_of(d, element_id))
    except Exception as fault:  # The assertion that follows says it better; anything else is shown by it as well.
        return f"{text_of(driver, element_id)} ({type(fault).__name__})"
    return text_of(driver, element_id)


def image_widths(driver: WebDriver) -> list[int]:
    """The natural width of each image of the page in order; 0 for one that could not be drawn."""
    script = "return Array.from(document.images).map(image => image.complete ? image.naturalWidth : -1)"
    return [int(width) for width in driver.execute_script(script)]


def _trust(home: Path, ca_file: Path) -> None:
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    where = ("-d", f"sql:{database}")
    subprocess.run(("certutil", *where, "-N", "--empty-password"), check=True, capture_output=True)
    add = ("certutil", *where, "-A", "-t", "C,,", "-n", "tests", "-i", str(ca_file))
    subprocess.run(add, check=True, capture_output=True)
