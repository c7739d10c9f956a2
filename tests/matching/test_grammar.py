from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.grammar import KEYS, compile_match
from forward_proxy.matching.matcher import Matcher
from tests.matching.requests import problems


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (None, [("", "expected a mapping of keys such as host, path or time")]),
        ("example.com", [("", "expected a mapping of keys such as host, path or time")]),
        ({"hots": "a"}, [("hots", "unknown key; did you mean host?")]),
        ({"zzz": "a"}, [("zzz", f"unknown key; expected one of {', '.join(KEYS)}")]),
        ({"host": None}, [("host", "expected a value")]),
        ({"host": ""}, [("host", "expected a single value")]),
        ({"host": []}, [("host", "expected at least one value")]),
        ({"host": {"a": "b"}}, [("host", "expected a single value")]),
        ({"host": ["a.test", None, ["b.test"]]}, [
            ("host.1", "expected a value"),
            ("host.2", "expected a single value"),
        ]),
        ({"not": {}}, [("not", "expected at least one key")]),
        ({"not": "a"}, [("not", "expected a mapping of keys such as host, path or time")]),
        ({"not": {"prot": 1}}, [("not.prot", "unknown key; did you mean port?")]),
    ],
)  # fmt: skip
def test_what_is_no_match_is_told_with_its_place(raw: object, found: list[tuple[str, str]]) -> None:
    assert problems(raw) == found


def test_every_mistake_is_found_at_once() -> None:
    raw = {"host": ["a b", "ok.test"], "port": "x", "not": {"method": "get", "path": "x"}, "tme": {}}
    assert [path for path, _ in problems(raw)] == ["tme", "host.0", "port", "not.method", "not.path"]


def test_nesting_has_an_end() -> None:
    raw: dict[str, object] = {"host": "a.test"}
    for _ in range(10_000):
        raw = {"not": raw}
    assert problems(raw) == [(".".join(["not"] * 9), "nested too deeply")]


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["a.test", "/x", "mon"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS, "days", "from", "to", "zone", "x"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_anything_is_a_matcher_or_a_list_of_problems(raw: object) -> None:
    compiled = compile_match(raw, UTC)
    assert isinstance(compiled, Matcher) or compiled
