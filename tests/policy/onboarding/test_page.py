"""The setup page: what it says to whom, and that it is small, whole and runs nothing but its own script."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from forward_proxy.policy.onboarding.page import PAGE_CSP, Visit, setup_page

from .making import made

LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
VISIT = Visit("192.168.1.2:8080", "http", False, LINUX, made())


def told(visit: Visit) -> str:
    return setup_page(visit).decode()


def opened(page: str) -> list[str]:
    return re.findall(r"<details open><summary>([^<]+)", page)


@pytest.mark.parametrize(
    ("agent", "first"),
    [
        (LINUX, ["Linux"]),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", ["Firefox", "Linux"]),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", ["Windows"]),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0", ["Windows", "Firefox"]),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15",
         ["macOS"]),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
         ["iPhone and iPad"]),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36", ["Android"]),
        ("Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", ["Android"]),
        ("curl/8.14.1", []),
        ("", []),
        ('"><script>alert(1)</script>', []),
    ],
)  # fmt: skip
def test_the_visitors_own_platform_comes_first_and_open(agent: str, first: list[str]) -> None:
    page = told(replace(VISIT, user_agent=agent))
    summaries = re.findall(r"<summary>([^<]+)", page)
    assert opened(page) == first == summaries[: len(first)]
    assert sorted(summaries) == ["Android", "Firefox", "Java", "Linux", "Windows", "iPhone and iPad", "macOS"]
    assert "alert" not in page


@pytest.mark.parametrize("visit", [VISIT, replace(VISIT, direct=True), replace(VISIT, scheme="https")])
def test_it_is_small_and_needs_nothing_else(visit: Visit) -> None:
    page = told(visit)
    assert len(page.encode()) < 30_000
    assert re.findall(r'(?:src|srcset|action)="?([^" >]+)|url\(', page) == []
    links = set(re.findall(r'href="([^"]+)"', page))
    own = {f"/forward-proxy-ca.{kind}" for kind in ("pem", "cer", "crt", "mobileconfig")}
    assert own <= links <= own | {"http://forward.proxy/", "https://forward.proxy/"}


def test_its_script_is_the_one_that_is_allowed() -> None:
    (run,) = re.findall(r"<script>(.*?)</script>", told(VISIT), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(run.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in PAGE_CSP.decode()
    assert "unsafe-inline" not in PAGE_CSP.decode().partition("script-src")[2]
    assert "<script" not in told(replace(VISIT, direct=True))


def test_the_fingerprint_and_the_name_are_shown() -> None:
    certificate = made("<b>CA</b>")
    page = told(replace(VISIT, certificate=certificate))
    assert certificate.fingerprint in page
    assert "&lt;b&gt;CA&lt;/b&gt;" in page
    assert "<b>CA</b>" not in page


def test_a_phone_is_shown_a_code_where_it_can_reach_the_proxy() -> None:
    assert "<svg" in told(VISIT)
    assert "<svg" in told(replace(VISIT, authority="[2001:db8::2]:8080"))
    for phone in ("Mozilla/5.0 (Linux; Android 10; K)", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"):
        assert "<svg" not in told(replace(VISIT, user_agent=phone))
    for near in ("127.0.0.1:8080", "[::1]:8080"):
        assert "<svg" not in told(replace(VISIT, authority=near))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_tag_is_closed_that_has_to_be(scheme: str) -> None:
    """And no id stands twice."""
    optional = {"html", "meta", "li", "p", "br", "dt", "dd", "path"}
    stack: list[str] = []
    ids: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            ids.extend(value or "" for name, value in attrs if name == "id")
            if tag not in optional:
                stack.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

        def handle_endtag(self, tag: str) -> None:
            if tag not in optional:
                assert stack.pop() == tag

    Reader().feed(told(replace(VISIT, scheme=scheme)))
    assert stack == []
    assert len(set(ids)) == len(ids)
