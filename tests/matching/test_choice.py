from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.subject import RuleRef
from tests.matching.requests import matcher, subject

CHOICES = tuple(
    Choice(value, matcher({"host": host}), RuleRef("rules/a.yaml", line), "why")
    for line, (value, host) in enumerate([("off", "a.test"), ("strict", "b.a.test"), ("standard", "b.test")], 1)
)


def test_the_first_choice_that_fits_wins() -> None:
    assert first_match(CHOICES, subject("http://b.a.test/")) is CHOICES[0]
    assert first_match(CHOICES, subject("http://b.test/")) is CHOICES[2]


def test_when_none_fits_there_is_no_choice() -> None:
    assert first_match(CHOICES, subject("http://c.test/")) is None
    assert first_match((), subject()) is None
