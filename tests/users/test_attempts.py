from ipaddress import ip_address

from forward_proxy.users.attempts import AT_ONCE, ONE_EACH_S, Attempts

HERE, THERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def test_a_few_at_once_and_then_one_in_a_while() -> None:
    attempts = Attempts()
    assert [attempts.take(HERE, 0.0) for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert attempts.take(HERE, 0.0) == ONE_EACH_S
    assert round(attempts.take(HERE, 10.0), 6) == ONE_EACH_S - 10
    assert attempts.take(THERE, 0.0) == 0.0
    assert attempts.take(HERE, ONE_EACH_S) == 0.0
    assert attempts.take(HERE, ONE_EACH_S) > 0.0


def test_who_was_right_gets_it_back() -> None:
    attempts = Attempts()
    for _ in range(100):
        assert attempts.take(HERE, 0.0) == 0.0
        attempts.give_back(HERE, 0.0)


def test_an_ipv6_subscriber_is_one_and_a_mapped_address_is_ipv4() -> None:
    attempts = Attempts()
    for number in range(AT_ONCE):
        assert attempts.take(ip_address(f"2001:db8::{number:x}"), 0.0) == 0.0
        assert attempts.take(ip_address(f"::ffff:192.0.2.{number}"), 0.0) == 0.0
    assert attempts.take(ip_address("2001:db8::ffff"), 0.0) > 0.0
    assert attempts.take(ip_address("2001:db8:0:1::"), 0.0) == 0.0


def test_no_more_addresses_are_kept_than_fit() -> None:
    attempts = Attempts()
    for number in range(5000):
        attempts.take(ip_address(number << 8), 0.0)
    assert len(attempts._used) == 4096
