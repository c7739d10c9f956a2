from ipaddress import ip_address, ip_network

import pytest

from forward_proxy.matching.groups import Groups, Members, asks_for_user

from .requests import matcher, problems, subject

MIXED = Members((ip_network("192.168.1.0/24"),), frozenset({"alice"}), (range(8081, 8082),))


@pytest.mark.parametrize(
    ("members", "facts", "holds"),
    [
        (MIXED, {"client": "192.168.1.7"}, True),
        (MIXED, {"client": "::ffff:192.168.1.7"}, True),
        (MIXED, {"client": "10.0.0.1", "user": "alice"}, True),
        (MIXED, {"client": "10.0.0.1", "listener": 8081}, True),
        (MIXED, {"client": "10.0.0.1", "user": "bob", "listener": 8080}, False),
        (MIXED, {"client": "10.0.0.1", "listener": 8080}, None),
        (MIXED, {"client": "10.0.0.1", "user": "Alice", "listener": 8080}, False),
        (MIXED, {"client": "10.0.0.1", "user": "bob"}, None),
        (Members(MIXED.networks), {"client": "10.0.0.1"}, False),
        (Members(MIXED.networks), {}, False),
        (Members(users=MIXED.users), {"client": "192.168.1.7"}, None),
        (Members(listeners=MIXED.listeners), {"client": "192.168.1.7", "listener": 1}, False),
    ],
)
def test_any_of_the_three_is_enough_and_no_user_is_not_known(
    members: Members, facts: dict[str, object], holds: bool | None
) -> None:
    if "client" in facts:
        facts = facts | {"client": ip_address(str(facts["client"]))}
    assert Groups.of((members,)).holds(subject(**facts)) is holds


@pytest.mark.parametrize(
    ("raw", "facts", "truth"),
    [
        ({"user": "alice"}, {"user": "alice"}, True),
        ({"user": ["bob", "alice"]}, {"user": "alice"}, True),
        ({"user": "alice"}, {"user": "bob"}, False),
        ({"user": "alice"}, {}, None),
        ({"not": {"user": "alice"}}, {}, None),
        ({"not": {"user": "alice"}}, {"user": "bob"}, True),
        ({"user": "alice", "host": "other.test"}, {}, False),
        ({"user": "Zo\u00eb"}, {"user": "Zo\u00eb"}, True),
        ({"user": "Zoe\u0308"}, {"user": "Zo\u00eb"}, True),
        ({"listener": "8081"}, {"listener": 8081}, True),
        ({"listener": "8080-8089"}, {"listener": 8081}, True),
        ({"listener": "8082"}, {"listener": 8081}, False),
        ({"listener": "8082"}, {}, None),
    ],
)
def test_the_keys_user_and_listener(raw: dict[str, object], facts: dict[str, object], truth: bool | None) -> None:
    assert matcher(raw).truth(subject(**facts)) is truth


def test_a_name_that_nobody_can_send_is_told() -> None:
    wrong = "expected the name of a user, up to 255 characters without a colon"
    assert problems({"user": ["a:b", "x" * 256, "a\u0007"]}) == [(f"user.{place}", wrong) for place in range(3)]


@pytest.mark.parametrize(
    ("raw", "asks"),
    [
        ({"host": "a.test"}, False),
        ({"listener": "8081"}, False),
        ({"user": "alice"}, True),
        ({"not": {"not": {"user": "alice"}}}, True),
    ],
)
def test_what_depends_on_the_user(raw: dict[str, object], asks: bool) -> None:
    assert asks_for_user(matcher(raw)) is asks
