from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.shadows import shadowed
from tests.access.rulesets import rules
from tests.matching.requests import subject


def found(*entries: tuple[Any, Mapping[str, object]]) -> dict[int, list[int]]:
    """Lines of the shadowed rules, each with the lines of those that decide instead."""
    return {place + 1: [ref.line for ref in refs] for place, refs in shadowed(rules(*entries).rules).items()}


WEEKDAYS = {"days": "mon-fri"}


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({}, {}),
        ({}, {"host": "a.test"}),
        ({"host": "a.test"}, {"host": "a.test"}),
        ({"host": "a.test"}, {"host": "x.a.test"}),
        ({"host": "a.test"}, {"host": "=a.test"}),
        ({"host": ["a.test", "b.test"]}, {"host": ["x.b.test", "=a.test"]}),
        ({"host": "a.test"}, {"host": "a.test", "path": "/x"}),
        ({"port": "1-9"}, {"port": ["2-3", "9"]}),
        ({"client": "10.0.0.0/8"}, {"client": ["10.1.0.0/16", "10.2.0.1"]}),
        ({"scheme": ["http", "https"]}, {"scheme": "http"}),
        ({"method": ["GET", "POST"]}, {"method": "GET"}),
        ({"resource": ["image", "font"]}, {"resource": "font"}),
        ({"third_party": "true"}, {"third_party": "true", "host": "a.test"}),
        ({"path": "/x"}, {"path": "/x", "method": "GET"}),
        ({"url": "x"}, {"url": "x", "host": "a.test"}),
        ({"time": WEEKDAYS}, {"time": WEEKDAYS, "host": "a.test"}),
        ({"not": {"host": "b.test"}}, {"not": {"host": "b.test"}, "host": "a.test"}),
        ({"content_type": "image/*"}, {"content_type": "image/*", "host": "a.test"}),
    ],
)
def test_what_an_earlier_rule_matches_whatever_happens_is_shadowed(
    wide: Mapping[str, object], narrow: Mapping[str, object]
) -> None:
    assert found(("deny", wide), ("allow", narrow)) == {2: [1]}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"host": "x.a.test"}, {"host": "a.test"}),
        ({"host": "=a.test"}, {"host": "a.test"}),
        ({"host": "a.test"}, {"host": ["a.test", "b.test"]}),
        ({"host": "a.test"}, {"host": "nota.test"}),
        ({"host": "a.test"}, {"path": "/x"}),
        ({"host": "a.test", "path": "/x"}, {"host": "a.test"}),
        ({"port": "1-9"}, {"port": "9-10"}),
        ({"client": "10.0.0.0/8"}, {"client": "2001:db8::1"}),
        ({"client": "10.0.0.0/8"}, {"host": "a.test"}),
        ({"method": "GET"}, {"method": ["GET", "POST"]}),
        ({"path": "/*"}, {"path": "/x"}),  # Sure enough, and yet nothing that is looked into.
        ({"time": WEEKDAYS}, {"time": {"days": "mon"}}),
        ({"not": {"host": "b.test"}}, {"not": {"host": "c.test"}}),
        ({"content_type": "image/*"}, {"host": "a.test"}),
        ({"third_party": "true"}, {"third_party": "false"}),
    ],
)
def test_what_is_not_certain_is_not_said(first: Mapping[str, object], second: Mapping[str, object]) -> None:
    assert found(("deny", first), ("deny", second)) == {}


def test_several_rules_may_shadow_one_together() -> None:
    assert found(
        ("deny", {"host": "a.test"}),
        ("allow", {"host": "b.test"}),
        ("deny", {"host": ["x.a.test", "b.test"]}),
        ("deny", {"host": ["x.a.test", "c.test"]}),
    ) == {3: [1, 2]}


def test_a_rule_behind_everything_is_shadowed_even_by_a_shadowed_ones_shadow() -> None:
    assert found(("deny", {}), ("deny", {"host": "a.test"}), ("deny", {"host": "a.test"})) == {2: [1], 3: [1]}


HOSTS = ["a.test", "=a.test", "x.a.test", "=x.a.test", "y.x.a.test", "b.test"]
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "host": st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3),
        "method": st.lists(st.sampled_from(["GET", "POST"]), min_size=1, max_size=2),
        "port": st.sampled_from(["80", "80-90", "85"]),
        "path": st.sampled_from(["/x", "/*"]),
        "third_party": st.sampled_from(["true", "false"]),
        "not": st.sampled_from([{"host": "b.test"}, {"third_party": "true"}]),
    },
)
URLS = [f"http://{host}{port}{path}" for host in ("a.test", "x.a.test", "y.x.a.test", "b.test") for port in ("", ":85")
        for path in ("/x", "/y")]  # fmt: skip


@given(st.lists(MATCHES, min_size=2, max_size=5))
def test_a_shadowed_rule_decides_about_no_request(matches: list[dict[str, object]]) -> None:
    ruleset = rules(*(("deny", match) for match in matches))
    never = shadowed(ruleset.rules)
    for url in URLS:
        for method in ("GET", "POST", "CONNECT"):
            for party in (None, True, False):
                assert ruleset.place(subject(url, method, third_party=party)) not in never
