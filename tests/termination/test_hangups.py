from ipaddress import ip_address

from forward_proxy.termination.hangups import LATELY_S, HangUps

ONE, OTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")
NAMES = ("a.example",)


def test_the_second_time_in_a_row_counts() -> None:
    hang_ups = HangUps()
    assert not hang_ups.enough(ONE, NAMES, 100.0, 100.5)
    assert hang_ups.enough(ONE, NAMES, 101.0, 101.5)
    assert not hang_ups.enough(ONE, NAMES, 102.0, 102.5)


def test_connections_that_were_open_together_count_once() -> None:
    hang_ups = HangUps()
    assert not hang_ups.enough(ONE, NAMES, 100.0, 100.5)
    assert not hang_ups.enough(ONE, NAMES, 100.1, 100.5)


def test_what_was_long_ago_or_another_s_does_not_count() -> None:
    hang_ups = HangUps()
    assert not hang_ups.enough(ONE, NAMES, 100.0, 100.5)
    assert not hang_ups.enough(OTHER, NAMES, 101.0, 101.5)
    assert not hang_ups.enough(ONE, ("b.example",), 101.0, 101.5)
    assert not hang_ups.enough(ONE, NAMES, 101.0 + LATELY_S, 101.5 + LATELY_S)


def test_so_many_are_remembered_at_most() -> None:
    hang_ups = HangUps()
    for number in range(5000):
        hang_ups.enough(ONE, (f"{number}.example",), 100.0, 100.5)
    assert not hang_ups.enough(ONE, ("0.example",), 101.0, 101.5)
    assert hang_ups.enough(ONE, ("4999.example",), 101.0, 101.5)


def test_of_who_has_accepted_a_certificate_more_are_asked_for() -> None:
    hang_ups = HangUps()
    hang_ups.accepted(ONE, ("b.example",))
    found = [hang_ups.enough(ONE, NAMES, 100.0 + second, 100.5 + second) for second in range(5)]
    assert found == [False, False, False, False, True]


def test_who_says_something_in_between_begins_anew() -> None:
    hang_ups = HangUps()
    for second in range(20):
        assert not hang_ups.enough(ONE, NAMES, 100.0 + second, 100.5 + second)
        hang_ups.accepted(ONE, NAMES)
