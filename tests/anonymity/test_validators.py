import pytest

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.validators import no_condition_in_parts, no_validator_in_parts
from tests.anonymity.exchanges import exchange

TAG = (b'"8a1-visitor-77"',)


def part(method: str = "GET", status: int | None = None, third_party: bool = True) -> Exchange:
    return exchange("Sec-Fetch-Dest: script\nSec-Fetch-Mode: no-cors", "script", third_party, method, status)


@pytest.mark.parametrize(
    ("method", "third_party", "passes"),
    [("GET", True, False), ("HEAD", True, False), ("PUT", True, True), ("DELETE", True, True), ("GET", False, True)],
)
def test_a_condition_goes_only_where_it_saves_a_transfer(method: str, third_party: bool, passes: bool) -> None:
    assert no_condition_in_parts(part(method, third_party=third_party), TAG) == (TAG if passes else ())


@pytest.mark.parametrize(("status", "passes"), [(200, False), (404, False), (206, True), (304, True)])
def test_a_validator_stays_where_the_client_has_to_match_it(status: int, passes: bool) -> None:
    assert no_validator_in_parts(part(status=status), TAG) == (TAG if passes else ())
