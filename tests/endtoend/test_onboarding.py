"""A person sets a browser up: Chromium finds the page, whether it trusts the certificate, and a PAC file to use."""

import plistlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from .browser import PATIENCE_S, browser, proxied_browser, text_of
from .clients import curl, through
from .conftest import MakeProxy
from .proxy import Proxy
from .site import Site

pytestmark = pytest.mark.xdist_group("browser")

PAGE = "http://forward.proxy/"
STRAIGHT = ("--noproxy", "*")
# A browser asks for pages of its own, too, and may do so before it has read which certificates it is to trust.
HINT = "warning: 127.0.0.1 refused the certificate for "


def body(driver: WebDriver) -> str:
    return driver.find_element(By.TAG_NAME, "body").text


def told(driver: WebDriver, element_id: str) -> str:
    """What the page says of the certificate, once its script knows."""
    wait = WebDriverWait(driver, PATIENCE_S, poll_frequency=0.05)
    wait.until(lambda page: page.find_element(By.ID, element_id).is_displayed())
    assert not driver.find_element(By.ID, "unknown").is_displayed()
    return text_of(driver, element_id)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_browser_that_trusts_the_certificate_is_told_so(make_proxy: MakeProxy, tmp_path: Path, workers: str) -> None:
    with (
        make_proxy(options=["--workers", workers]) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        proxy.noise = HINT
        driver.get(PAGE)
        assert "comes through this proxy" in body(driver)
        assert "trusts the certificate" in told(driver, "yes")
        driver.get("https://forward.proxy/")
        assert "HTTPS works" in body(driver)
        assert {record["outcome"] for record in proxy.log("forward.proxy", lambda found: len(found) > 2)} == {"page"}


@pytest.mark.parametrize("fast_lane", ["on", "off"])
def test_a_browser_that_does_not_is_told_what_to_do(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, fast_lane: str
) -> None:
    with (
        make_proxy(options=["--fast-lane", fast_lane]) as proxy,
        proxied_browser(tmp_path / "browser", site.ca_file, proxy.url) as driver,
    ):
        proxy.noise = HINT
        driver.get(PAGE)
        assert "does not trust the certificate yet" in told(driver, "no")
        shown = [each.text for each in driver.find_elements(By.CSS_SELECTOR, "details[open] summary")]
        assert shown == ["Linux"]


def test_the_page_fits_a_phone(make_proxy: MakeProxy, tmp_path: Path) -> None:
    with make_proxy() as proxy, proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver:
        proxy.noise = HINT
        phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)  # type: ignore[attr-defined]
        driver.get(PAGE)
        for each in driver.find_elements(By.CSS_SELECTOR, "details:not([open]) summary"):
            each.click()
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 360


def test_a_browser_finds_the_proxy_by_its_pac_file(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    rules = {"10.yaml": "pac:\n  - { match: { client: 127.0.0.1 }, direct: [past.invalid] }\n"}
    with (
        make_proxy(rules=rules) as proxy,
        browser(tmp_path / "browser", proxy.ca_file, f"--proxy-pac-url={proxy.url}/proxy.pac") as driver,
    ):
        proxy.noise = HINT
        driver.get(site.url(f"/page/{token}", "site.test", "https"))
        assert site.ledger.count(token)
        assert proxy.record(token)["outcome"]
        driver.get(PAGE)
        assert "trusts the certificate" in told(driver, "yes")
        driver.get(f"{proxy.url}/")  # Loopback goes direct.
        assert "straight from the proxy" in body(driver)


def test_certificates_as_they_are_downloaded(proxy: Proxy) -> None:
    authority = x509.load_pem_x509_certificate(proxy.ca_file.read_bytes())
    read = {
        "pem": x509.load_pem_x509_certificate,
        "cer": x509.load_der_x509_certificate,
        "crt": x509.load_der_x509_certificate,
        "mobileconfig": lambda octets: x509.load_der_x509_certificate(
            plistlib.loads(octets)["PayloadContent"][0]["PayloadContent"]
        ),
    }
    types = {
        "pem": "application/pem-certificate-chain",
        "cer": "application/x-x509-ca-cert",
        "crt": "application/x-x509-ca-cert",
        "mobileconfig": "application/x-apple-aspen-config",
    }
    for kind, reader in read.items():
        for url, how in ((proxy.url, STRAIGHT), ("http://forward.proxy", through(proxy))):
            answer = curl(f"{url}/forward-proxy-ca.{kind}", *how)
            assert (answer.status, answer.field("content-type")) == (200, types[kind])
            assert reader(answer.content) == authority
    page = curl(f"{proxy.url}/", *STRAIGHT).content.decode()
    assert authority.fingerprint(SHA256()).hex(":").upper() in page


def test_the_key_is_nowhere_to_be_had(proxy: Proxy) -> None:
    (key,) = (path for path in proxy.ca_file.parent.iterdir() if path.suffix == ".key")
    secret = key.read_bytes().splitlines()[1]
    for name in (key.name, "../ca/" + key.name, "%2e%2e/ca/" + key.name, "forward-proxy-ca.pem", "", "proxy.pac"):
        for url, how in ((proxy.url, STRAIGHT), ("http://forward.proxy", through(proxy))):
            answer = curl("--path-as-is", f"{url}/{name}", *how)
            assert secret not in answer.content
            assert b"PRIVATE KEY" not in answer.content


def test_without_inspection_there_is_no_certificate_and_none_is_needed(make_proxy: MakeProxy) -> None:
    with make_proxy(options=["--inspect", "off"]) as proxy:
        assert b"No certificate is needed" in curl(PAGE, *through(proxy)[:4]).content
        assert curl(f"{proxy.url}/forward-proxy-ca.pem", *STRAIGHT).status == 404
        refused = curl("https://forward.proxy/", "--proxy", proxy.url)
        assert refused.report["http_connect"] == 403
        assert not proxy.ca_file.exists()


def test_a_page_whose_name_was_made_to_lead_here_learns_nothing(proxy: Proxy) -> None:
    host, port = proxy.host_and_port
    for path in ("", "proxy.pac", "forward-proxy-ca.pem"):
        rebound = curl(f"http://evil.invalid:{port}/{path}", "--resolve", f"evil.invalid:{port}:{host}", *STRAIGHT)
        assert rebound.status in (502, 508)
        assert b"CERTIFICATE" not in rebound.content
        assert b"FindProxyForURL" not in rebound.content


def test_explain_says_what_happens(proxy: Proxy) -> None:
    for url in (PAGE, "https://forward.proxy/forward-proxy-ca.pem", "http://forward.proxy/proxy.pac"):
        assert "page of the proxy's own" in proxy.explain(url)["sentence"]
    assert proxy.explain("http://forward.proxy/x")["status"] == 404
