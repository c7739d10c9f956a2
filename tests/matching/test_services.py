"""Services by name, and what becomes of the hosts that they share."""

import pytest

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.matching.services import Catalogue, Service
from tests.matching.requests import subject


def service(name: str, category: str, hosts: str, shared: str = "") -> Service:
    own, others = (tuple(HostPattern(host, below=True) for host in text.split()) for text in (hosts, shared))
    return Service(name, name.title(), category, own, others)


ALL = Catalogue(
    {
        each.id: each
        for each in (
            service("faces", "social", "faces.test", "pictures.test"),
            service("photos", "social", "photos.test", "pictures.test"),
            service("calls", "chat", "calls.test", "pictures.test"),
            service("alone", "chat", "alone.test", "only.test"),
        )
    }
)


def named(words: str) -> list[Service]:
    services: list[Service] = []
    for word in words.split():
        found = ALL.named(word)
        assert not isinstance(found, Unreadable)
        services += found
    return services


@pytest.mark.parametrize(
    ("words", "denied", "allowed"),
    [
        ("faces", "faces.test a.faces.test", "pictures.test photos.test"),
        ("social", "faces.test photos.test", "pictures.test calls.test"),
        ("social calls", "faces.test calls.test pictures.test a.pictures.test", "alone.test only.test"),
        ("social chat", "pictures.test alone.test only.test", "other.test"),
        ("alone", "alone.test only.test", "calls.test pictures.test"),
    ],
)
def test_a_denial_covers_shared_hosts_only_with_all_who_share_them(words: str, denied: str, allowed: str) -> None:
    condition = ALL.condition(named(words), denies=True)
    assert all(condition.holds(subject(f"https://{host}/")) for host in denied.split())
    assert not any(condition.holds(subject(f"https://{host}/")) for host in allowed.split())


def test_everywhere_else_a_service_has_what_it_needs() -> None:
    condition = ALL.condition(named("faces"), denies=False)
    assert condition.holds(subject("https://pictures.test/"))
    assert not condition.holds(subject("https://photos.test/"))


def test_a_host_names_its_service_or_all_that_share_it() -> None:
    condition = ALL.condition(named("social chat"), denies=True)
    assert [condition.name_of(host) for host in ("a.b.faces.test", "pictures.test", "other.test", "192.0.2.1")] == [
        "Faces", "Faces, Photos, Calls", None, None,
    ]  # fmt: skip


def test_a_name_alone_is_that_name_alone() -> None:
    exact = Service("login", "Login", "", (HostPattern("login.test", below=False),))
    condition = Catalogue({"login": exact}).condition([exact], denies=True)
    assert condition.holds(subject("https://login.test/"))
    assert not condition.holds(subject("https://a.login.test/"))
    assert [condition.name_of(host) for host in ("login.test", "a.login.test")] == ["Login", None]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("face", "no service or category is called face; did you mean faces?"),
        ("sozial", "no service or category is called sozial; did you mean social?"),
        ("", "no service or category is called ; `forward-proxy services` lists them"),
        ("zzz", "no service or category is called zzz; `forward-proxy services` lists them"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(word: str, told: str) -> None:
    assert ALL.named(word) == Unreadable(told)
