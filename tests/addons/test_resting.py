import pytest

from forward_proxy.addons.resting import FIRST_S, LONGEST_S, Resting

ORIGIN = ("site.example", 443)


def test_the_rest_doubles_with_each_failure_up_to_a_bound() -> None:
    resting, now, lengths = Resting(), 1000.0, []
    for _ in range(40):
        resting.failed(ORIGIN, "connection_refused", now)
        rest = resting.rest(ORIGIN, now)
        assert rest is not None
        lengths.append(rest.until - now)
        now = rest.until
        assert resting.rest(ORIGIN, now) is None
    assert lengths[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert lengths[-1] == max(lengths) == LONGEST_S


def test_failures_during_a_rest_do_not_prolong_it() -> None:
    resting = Resting()
    for at in (0.0, 0.1, 0.2):
        resting.failed(ORIGIN, "dns_error", at)
    rest = resting.rest(ORIGIN, 0.3)
    assert rest is not None
    assert (rest.until, rest.failures) == (FIRST_S, 1)


def test_an_answer_ends_it() -> None:
    resting = Resting()
    resting.failed(ORIGIN, "dns_error", 0)
    resting.answered(ORIGIN, 1)
    assert resting.rest(ORIGIN, 0) is None
    resting.answered(ORIGIN, 1)


@pytest.mark.parametrize("number", [0, 5000])
def test_those_that_failed_longest_ago_are_forgotten_first(number: int) -> None:
    resting = Resting()
    for port in range(5001):
        resting.failed(("site.example", port), "dns_error", 0)
    assert (resting.rest(("site.example", number), 0) is None) is (number == 0)
