"""Who is asked in place of a search engine."""

from ipaddress import ip_address

import pytest

from forward_proxy.access.engines import ENGINE_OF, ENGINES
from forward_proxy.access.safesearch import SafeSearch, asked_as
from forward_proxy.message.hosts import canonical_host
from forward_proxy.rulefiles.rules import Rules, compiled
from tests.matching.requests import subject

KID, TEEN, PARENT = (ip_address(f"192.168.1.{number}") for number in (20, 21, 22))


def rules(text: str) -> Rules:
    return compiled((("x.yaml", text.encode()),), "UTC")


FAMILY = rules("""
safe_search:
  - { action: never, match: { client: 192.168.1.22 } }
  - { action: always, engines: youtube, youtube: moderate, match: { client: 192.168.1.21 } }
  - { action: always, engines: [bing, google], match: { client: 192.168.1.21, time: { from: "08:00", to: "13:00" } } }
  - { action: always, match: { client: 192.168.1.20 } }
""").safe_search


def asked(host: str, client: object = KID, method: str = "GET", at: int = 0) -> str | None:
    seen = subject(f"https://{host}/", method, client=client, at=at)
    found = asked_as(FAMILY, seen)
    return None if found is None else found.host


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
@pytest.mark.parametrize(
    ("hosts", "locked"),
    [
        ("google.com www.google.com www.google.de www.google.co.uk www.google.com.tr google.cat images.google.fr "
         "video.google.com",
         "forcesafesearch.google.com"),
        ("bing.com www.bing.com cn.bing.com", "strict.bing.com"),
        ("duckduckgo.com www.duckduckgo.com html.duckduckgo.com lite.duckduckgo.com", "safe.duckduckgo.com"),
        ("youtube.com www.youtube.com m.youtube.com music.youtube.com www.youtube-nocookie.com youtubei.googleapis.com "
         "youtube.googleapis.com", "restrict.youtube.com"),
        ("yandex.ru www.yandex.com yandex.com.tr yandex.kz ya.ru", "familysearch.yandex.ru"),
        ("ecosia.org www.ecosia.org", "strict-safe-search.ecosia.org"),
        ("search.brave.com", "forcesafe.search.brave.com"),
    ],
)  # fmt: skip
def test_each_engine_is_asked_as_its_vendor_says(hosts: str, locked: str, method: str) -> None:
    assert {asked(host, method=method) for host in hosts.split()} == {locked}


@pytest.mark.parametrize(
    "host",
    ["mail.google.com", "accounts.google.com", "google.github.io", "google.test", "www.google.com.evil.test",
     "a.bing.com", "i.ytimg.com", "forcesafesearch.google.com", "brave.com", "192.0.2.1"],
)  # fmt: skip
def test_what_is_no_engine_is_asked_as_it_is(host: str) -> None:
    assert asked(host) is None


def test_the_first_entry_about_the_engine_that_matches_decides() -> None:
    morning, evening = 10 * 3600, 20 * 3600
    assert asked("www.youtube.com", TEEN) == "restrictmoderate.youtube.com"
    assert asked("www.google.com", TEEN, at=morning) == "forcesafesearch.google.com"
    assert asked("www.google.com", TEEN, at=evening) is None
    assert asked("search.brave.com", TEEN, at=morning) is None
    assert asked("www.google.com", PARENT) is None
    assert asked("www.google.com", ip_address("192.168.1.99")) is None


def test_it_says_by_which_entry() -> None:
    found = asked_as(FAMILY, subject("https://www.google.com/", client=KID))
    assert found is not None
    assert (str(found), str(found.where)) == ("safe search: asked as forcesafesearch.google.com", "x.yaml:6")


def test_no_host_is_of_two_engines_and_all_are_canonical() -> None:
    assert sum(len(hosts) for hosts, _ in ENGINES.values()) == len(ENGINE_OF)
    assert all(canonical_host(host) == host for host in ENGINE_OF)
    assert not {locked for _, locked in ENGINES.values()} & ENGINE_OF.keys()


def test_an_entry_in_words() -> None:
    assert [str(entry.value) for entry in FAMILY] == [
        "never all", "always youtube, youtube moderate", "always google, bing", "always all",
    ]  # fmt: skip
    assert SafeSearch() == FAMILY[3].value
