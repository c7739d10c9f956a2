"""A remembered answer is the one that would be decided now, or none."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.fastlane.judging import Answer, Client, judge
from forward_proxy.fastlane.remembered import Memory, Moving, Remembered
from forward_proxy.fastlane.requests import Plain, read
from forward_proxy.message.dates import format_date
from forward_proxy.message.fields import FieldSection
from forward_proxy.policy import Policy
from forward_proxy.storage.content import Content
from forward_proxy.traffic.recurring import Recurring
from tests.policy.building import LOCAL, policy, request

NOW = 1_795_000_000
URL = "http://site.test/a"
RULES = """
rules:
  - id: at-night
    action: deny
    match: { host: site.test, time: { from: "22:00", to: "06:00", zone: UTC } }
    reason: Sleep
cache:
  - { match: { host: site.test }, min_fresh_s: 65, ignore: [vary] }
"""


class Changing:
    """A generation as the store gives them."""

    current = True

    def is_current(self) -> bool:
        return self.current


class OneResponse:
    """A store that has this response and no other."""

    def __init__(self, *lines: tuple[bytes, bytes], stored_at: int = NOW) -> None:
        self.made = Changing()
        fields = FieldSection([(b"date", format_date(stored_at)), (b"content-length", b"3"), *lines])
        key = CacheKey("GET", request(URL).target)
        self.stored = StoredResponse(key, 200, fields, FieldSection(), stored_at, stored_at, "id", 3)

    def generation(self, key: CacheKey) -> Changing:
        return self.made

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]:
        return (self.stored,)

    def open_content(self, stored: StoredResponse) -> Content:
        return Content.of(b"abc")


def judged(octets: bytes, policy: Policy, store: Any, now: int) -> Answer | None:
    plain = read(octets, None)
    assert isinstance(plain, Plain)
    outcome = judge(plain, Client(LOCAL, "127.0.0.1"), policy, store, now)
    return outcome if isinstance(outcome, Answer) else None


def remembered(answer: Answer, policy: Policy, now: int) -> Remembered:
    return Remembered(
        answer.octets, Recurring(answer.record), policy, answer.generation, now, answer.until, closes=False
    )


def head(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"GET {URL} HTTP/1.1", "Host: site.test", *lines, "")).encode()


@pytest.fixture(scope="module")
def awake(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return policy(tmp_path_factory.mktemp("rules"), RULES)


@settings(max_examples=300)
@given(
    asked=st.lists(
        st.sampled_from(
            (
                "Cache-Control: max-age=100",
                "Cache-Control: min-fresh=20",
                'If-None-Match: "a"',
                "If-Modified-Since: Mon, 02 Nov 2026 10:00:00 GMT",
                "Accept: text/html",
            )
        ),
        max_size=2,
        unique=True,
    ),
    said=st.lists(
        st.sampled_from(
            (
                (b"cache-control", b"max-age=60"),
                (b"cache-control", b"max-age=86400"),
                (b"etag", b'"a"'),
                (b"age", b"7"),
                (b"cache-status", b"origin; hit"),
                (b"x-age", b"Age: 3"),
                (b"cache-status", b"forward-proxy; hit; ttl=5"),
                (b"last-modified", b"Mon, 02 Nov 2026 10:00:00 GMT"),
            )
        ),
        max_size=4,
    ),
    seconds_of_day=st.integers(0, 86_399),
    later=st.lists(st.integers(0, 90), min_size=1, max_size=4),
)
def test_at_any_later_second_it_is_what_would_be_decided_then(
    awake: Policy, asked: list[str], said: list[tuple[bytes, bytes]], seconds_of_day: int, later: list[int]
) -> None:
    first_at = NOW - NOW % 86_400 + seconds_of_day
    store = OneResponse(*said, stored_at=first_at - 3)
    octets = head(*asked)
    first = judged(octets, awake, store, first_at)
    if first is None:
        return
    answer = remembered(first, awake, first_at)
    for second in sorted(first_at + each for each in later):
        if answer.holds(second, awake):
            now = judged(octets, awake, store, second)
            assert now is not None
            assert answer.octets == now.octets


def test_it_holds_for_its_policy_alone(awake: Policy, tmp_path: Path) -> None:
    first = judged(head(), awake, OneResponse((b"cache-control", b"max-age=60")), NOW)
    assert first
    answer = remembered(first, awake, NOW)
    assert answer.holds(NOW, awake)
    assert not answer.holds(NOW, policy(tmp_path, RULES))


def test_it_holds_while_nothing_stored_has_changed(awake: Policy) -> None:
    store = OneResponse((b"cache-control", b"max-age=60"))
    first = judged(head(), awake, store, NOW)
    assert first
    answer = remembered(first, awake, NOW)
    assert answer.holds(NOW + 1, awake)
    store.made.current = False
    assert not answer.holds(NOW + 1, awake)


def test_it_does_not_hold_for_a_second_before_its_own(awake: Policy) -> None:
    first = judged(head(), awake, OneResponse((b"cache-control", b"max-age=60")), NOW)
    assert first
    assert not remembered(first, awake, NOW).holds(NOW - 1, awake)


def test_an_age_that_is_said_twice_does_not_move() -> None:
    ours = b"\r\nCache-Status: forward-proxy; hit; ttl=4\r\n\r\n"
    assert Moving.of(b"HTTP/1.1 200 OK\r\nAge: 1" + ours, 0)
    assert Moving.of(b"HTTP/1.1 200 OK\r\nAge: 1\r\nAge: 1" + ours, 0) is None
    assert Moving.of(b"HTTP/1.1 200 OK" + ours, 0) is None


def test_content_that_looks_like_a_field_does_not_move() -> None:
    octets = b"HTTP/1.1 200 OK\r\nAge: 1\r\nCache-Status: forward-proxy; hit; ttl=4\r\n\r\n\r\nAge: 1\r\n"
    moving = Moving.of(octets, 100)
    assert moving
    assert moving.at(102) == octets.replace(b"Age: 1", b"Age: 3", 1).replace(b"ttl=4", b"ttl=2")


def test_memory_is_bounded(awake: Policy) -> None:
    first = judged(head(), awake, OneResponse((b"cache-control", b"max-age=60")), NOW)
    assert first
    memory = Memory(limit_bytes=100_000)
    number = memory.number_of("client")
    for each in range(1000):
        memory.add(number, b"%d" % each, remembered(first, awake, NOW))
    assert 10 < len(memory.answers) < 100
    assert (number, b"999") in memory.answers


def test_no_two_clients_have_one_number() -> None:
    memory = Memory()
    numbers = [memory.number_of(client) for client in range(10_000)]
    assert len(set(numbers)) == 10_000
    assert memory.number_of(9_999) == numbers[-1]
