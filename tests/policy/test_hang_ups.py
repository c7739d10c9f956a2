from ipaddress import ip_address

from forward_proxy.policy.refusals import LATELY_S, HangUps

ONE, OTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")
NAMES = ("a.example",)


def test_the_second_time_in_a_row_counts() -> None:
    hang_ups = HangUps()
    assert not hang_ups.again(ONE, NAMES, 100.0, 100.5)
    assert hang_ups.again(ONE, NAMES, 101.0, 101.5)
    assert not hang_ups.again(ONE, NAMES, 102.0, 102.5)


def test_connections_that_were_open_together_count_once() -> None:
    hang_ups = HangUps()
    assert not hang_ups.again(ONE, NAMES, 100.0, 100.5)
    assert not hang_ups.again(ONE, NAMES, 100.1, 100.5)


def test_what_was_long_ago_or_another_s_does_not_count() -> None:
    hang_ups = HangUps()
    assert not hang_ups.again(ONE, NAMES, 100.0, 100.5)
    assert not hang_ups.again(OTHER, NAMES, 101.0, 101.5)
    assert not hang_ups.again(ONE, ("b.example",), 101.0, 101.5)
    assert not hang_ups.again(ONE, NAMES, 101.0 + LATELY_S, 101.5 + LATELY_S)


def test_so_many_are_remembered_at_most() -> None:
    hang_ups = HangUps()
    for number in range(5000):
        hang_ups.again(ONE, (f"{number}.example",), 100.0, 100.5)
    assert not hang_ups.again(ONE, ("0.example",), 101.0, 101.5)
    assert hang_ups.again(ONE, ("4999.example",), 101.0, 101.5)
