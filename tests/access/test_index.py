from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.index import HostIndex
from forward_proxy.access.rules import Denied
from tests.access.rulesets import rules
from tests.matching.requests import matcher, subject

HOSTS = ["test", "a.test", "b.a.test", "c.b.a.test", "xa.test", "192.0.2.1", "2001:db8::1"]
RULES = st.fixed_dictionaries(
    {},
    optional={
        "host": st.lists(st.sampled_from([*HOSTS, *(f"={host}" for host in HOSTS)]), min_size=1, max_size=3),
        "path": st.sampled_from(["/x", "/y"]),
        "not": st.sampled_from([{"host": "a.test"}, {"path": "/x"}]),
    },
)


@given(
    st.lists(st.tuples(st.sampled_from(["allow", "deny"]), RULES), max_size=12),
    st.sampled_from([*HOSTS[:6], "[2001:db8::1]", "other.test", "d.c.b.a.test"]),
    st.sampled_from(["/x", "/y", "/z"]),
)
def test_the_index_finds_what_trying_every_rule_in_order_finds(
    entries: list[tuple[str, Mapping[str, object]]], host: str, path: str
) -> None:
    ordered = rules(*entries)  # type: ignore[arg-type]  # hypothesis gives str for the two actions
    seen = subject(f"http://{host}{path}")
    steps = ordered.trail(seen)
    verdict = ordered.decide(seen)
    assert verdict.rule == (steps[-1].rule if steps and steps[-1].matched else None)
    assert isinstance(verdict, Denied) is bool(steps and steps[-1].matched and steps[-1].action == "deny")


def test_a_rule_is_filed_under_the_hosts_it_names_and_no_other() -> None:
    index = HostIndex.of([matcher({"host": ["a.test", "=b.test"]}), matcher({"path": "/x"}), matcher({"host": "test"})])
    assert [index.filed(host) for host in ("a.test", "x.a.test", "b.test", "x.b.test", "com")] == [
        [0, 2],
        [0, 2],
        [0, 2],
        [2],
        [],
    ]
    assert index.anywhere == (1,)
