"""What does a person in Chromium see of addresses that track, and what do the sites?"""

from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from .browser import proxied_browser, text_of, wait_for_text
from .clients import curl, through
from .conftest import MakeProxy
from .proxy import ROOT
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("browser")

RULES = {
    "10.yaml": """tracking:
  - { id: kept, action: keep, match: { host: files.test }, reason: It asks for them }
  - { id: out, action: unwrap, parameters: url, match: { host: www.site.test, path: /out } }
""",
    "20-tracking.yaml": (ROOT / "rules" / "20-tracking.yaml").read_text(),
}
WEB: list[Service] = ["http", "https"]


def seen_by_the_page(driver: WebDriver) -> str:
    return str(driver.execute_script("return location.href"))


@pytest.mark.parametrize("lane", ["on", "off"])
@pytest.mark.parametrize("service", WEB)
def test_a_page_is_shown_under_its_clean_address(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, service: Service, lane: str
) -> None:
    clean = site.url(f"/page/{token}?b=%2F&a=", service=service)
    with (
        make_proxy(rules=RULES, settings={"fast_lane": lane}) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        driver.get(clean.replace("?b", "?utm_source=mail&b") + "&fbclid=IwAR0")
        assert wait_for_text(driver, "fetched", token) == token
        assert (driver.current_url, seen_by_the_page(driver)) == (clean, clean)
        redirect = proxy.log(f"{token} cleaned:fbclid")[0]
    assert (redirect["outcome"], redirect["status"], redirect["cleaned"]) == ("redirect", 307, ["utm_source", "fbclid"])
    assert redirect["cleaned_by"].count("20-tracking.yaml:") == 2
    assert not [seen for seen in site.ledger.naming(token) if "utm_" in seen.target or "fbclid" in seen.target]


@pytest.mark.parametrize("service", WEB)
def test_what_a_page_asks_for_goes_out_clean_without_a_redirect(
    site: Site, make_proxy: MakeProxy, token: str, service: Service
) -> None:
    with make_proxy(rules=RULES) as proxy:
        asked = f"/part/{token}/data.json?x=1&gclid=2&y"
        options = (*through(proxy), "--cacert", str(proxy.ca_file))
        answers = [curl(site.url(asked, service=service), *options) for _ in range(2)]
        records = proxy.log(token, lambda found: len(found) == 2)
    assert [answer.status for answer in answers] == [200, 200]
    assert [seen.target for seen in site.ledger.naming(token)] == [f"/part/{token}/data.json?x=1&y"]
    assert {(record["target"], *record["cleaned"]) for record in records} == {
        (site.url(f"/part/{token}/data.json?x=1&y", service=service), "gclid")
    }
    assert {record["cache"] for record in records} == {"hit", "fwd=uri-miss"}


def test_a_wrapper_is_passed_over(site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str) -> None:
    inside = site.url(f"/page/{token}", service="https")
    with (
        make_proxy(rules=RULES) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        wrapper = site.url(f"/out?who=me&url={quote(f'{inside}?utm_medium=x#part', safe='')}", "www.site.test", "https")
        driver.get(wrapper)
        assert wait_for_text(driver, "fetched", token) == token
        assert driver.current_url == f"{inside}#part"
        assert proxy.record("/out")["cleaned"] == ["wrapper"]
        explained = proxy.explain(f"https://www.site.test/out?url={quote(inside, safe='')}", "--resource", "document")
    assert not [seen for seen in site.ledger.naming(token) if seen.path == "/out"]
    assert (explained["status"], explained["tracking"]["redirected"]) == (307, True)
    assert explained["tracking"]["location"] == inside


def test_signing_in_and_what_an_entry_keeps_are_left_alone(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str
) -> None:
    login = site.url(f"/login?fbclid={token}", "login.test", "https")
    kept = site.url(f"/page/{token}?utm_source=x", "files.test", "https")
    with (
        make_proxy(rules=RULES) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        driver.get(login)
        assert driver.current_url == login
        driver.get(kept)
        assert driver.current_url == kept
        assert proxy.log(token)[0]["cleaned"] == []
    assert {seen.target for seen in site.ledger.naming(token)} >= {
        f"/login?fbclid={token}",
        f"/page/{token}?utm_source=x",
    }


@pytest.mark.parametrize(("how", "workers"), [("302", "1"), ("301", "2"), ("script", "1")])
def test_a_site_that_insists_on_its_parameter_works(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, how: str, workers: str
) -> None:
    clean = site.url(f"/insisting/{how}/{token}", service="https")
    with (
        make_proxy(rules=RULES, options=["--workers", workers]) as proxy,
        proxied_browser(tmp_path / "browser", proxy.ca_file, proxy.url) as driver,
    ):
        driver.get(f"{clean}?fbclid=first")
        assert wait_for_text(driver, "got", token) == token
        driver.get(f"{clean}?fbclid=again")  # A permanent redirect the browser remembers, and does not ask for.
        assert text_of(driver, "got") == token
        insisted = [record for record in proxy.log(token) if record["cleaned_by"] and not record["cleaned"]]
    assert {record["cleaned_by"] for record in insisted} == {"nobody: the client came back for it"}
