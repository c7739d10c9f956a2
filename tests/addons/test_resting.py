import pytest

from forward_proxy.addons.resting import FIRST_S, LONGEST_S, Resting
from forward_proxy.message.targets import TargetUri


def target(path: str = "/", port: int = 443) -> TargetUri:
    return TargetUri("https", "site.example", port, path)


@pytest.mark.parametrize("error", ["connection_refused", "connection_terminated"])
def test_the_rest_doubles_with_each_failure_up_to_a_bound(error: str) -> None:
    resting, now, lengths = Resting(), 1000.0, []
    for _ in range(40):
        resting.failed(target(), error, now)
        rest = resting.rest(target(), now)
        assert rest is not None
        lengths.append(rest.until - now)
        now = rest.until
        assert resting.rest(target(), now) is None
    assert lengths[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert lengths[-1] == max(lengths) == LONGEST_S


@pytest.mark.parametrize(
    ("error", "others_rest"),
    [
        ("dns_error", True),
        ("connection_refused", True),
        ("connection_terminated", False),
        ("proxy_internal_response", False),
    ],
)
def test_an_origin_rests_as_a_whole_only_when_there_is_no_reaching_it(error: str, others_rest: bool) -> None:
    resting = Resting()
    resting.failed(target("/one"), error, 0)
    assert resting.rest(target("/one"), 0) is not None
    assert (resting.rest(target("/other"), 0) is not None) is others_rest
    assert resting.rest(target("/one", 8443), 0) is None


def test_failures_during_a_rest_do_not_prolong_it() -> None:
    resting = Resting()
    for at in (0.0, 0.1, 0.2):
        resting.failed(target(), "dns_error", at)
    rest = resting.rest(target(), 0.3)
    assert rest is not None
    assert (rest.until, rest.failures) == (FIRST_S, 1)


def test_an_answer_ends_it() -> None:
    resting = Resting()
    resting.failed(target(), "dns_error", 0)
    resting.failed(target(), "connection_terminated", 0)
    resting.answered(target(), 1)
    assert resting.rest(target(), 0) is None
    assert resting.answered_at == 1


@pytest.mark.parametrize("number", [0, 5000])
def test_those_that_failed_longest_ago_are_forgotten_first(number: int) -> None:
    resting = Resting()
    for port in range(5001):
        resting.failed(target(port=port), "dns_error", 0)
    assert (resting.rest(target(port=number), 0) is None) is (number == 0)
