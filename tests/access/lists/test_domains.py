import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.lists import domains
from forward_proxy.access.lists.domains import domain_list, packed, unpacked
from forward_proxy.access.lists.formats import read_names
from forward_proxy.access.lists.found import Found
from tests.access.lists.lists import compiled, found, listed

LABEL = st.sampled_from(["a", "b", "ads", "x1", "com"])
HOST = st.lists(LABEL, min_size=1, max_size=4).map(".".join)


def test_what_is_found_is_the_line_and_what_it_says() -> None:
    searched = compiled("# Ads\nads.test\nwww.ads.test\n")
    assert found(searched, "x.ads.test") == Found(2, "ads.test")
    assert found(searched, "www.ads.test") == Found(3, "www.ads.test")
    assert found(searched, "adsxtest") is None
    assert found(compiled("*.ads.test CNAME ."), "x.ads.test") == Found(1, "*.ads.test")
    assert found(compiled("^ad[0-9]+\\."), "ad1.test") == Found(1, "^ad[0-9]+\\.")


def test_an_exception_is_told_with_what_it_overrides() -> None:
    zone = compiled("*.ads.test CNAME .\ngood.ads.test CNAME rpz-passthru.\nfree.test CNAME rpz-passthru.\n")
    assert found(zone, "good.ads.test") == Found(2, "good.ads.test", exception=True, overrides=Found(1, "*.ads.test"))
    assert found(zone, "free.test") == Found(3, "free.test", exception=True)


@pytest.mark.parametrize("spelled", ["ADS.test", "ads.test.", "www.Ads.TEST", "ads%2etest", "\uff41ds.test"])
def test_no_spelling_of_a_host_passes(spelled: str) -> None:
    assert listed(compiled("ads.test"), spelled) == [spelled]


def test_digests_that_collide_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "_digest", lambda entry: bytes(8))
    monkeypatch.setattr(domains, "crc32", lambda entry: 0)
    domains.probes.cache_clear()
    hosts = [f"h{number}.test" for number in range(20)]
    searched = compiled("\n".join(hosts))
    assert [found(searched, host) for host in hosts] == [Found(line, host) for line, host in enumerate(hosts, 1)]
    assert found(searched, "other.test") is None
    domains.probes.cache_clear()


@given(st.lists(HOST, min_size=1, max_size=30), st.lists(HOST, min_size=1, max_size=10))
def test_a_list_holds_for_the_hosts_that_its_lines_hold_for(names: list[str], hosts: list[str]) -> None:
    searched = domain_list(read_names("\n".join(names).encode(), "domains"))
    for host in hosts:
        holds = [name for name in names if host == name or host.endswith(f".{name}")]
        line = found(searched, host)
        assert (line and line.text) == max(holds, key=len, default=None)
        assert line is None or names[line.line - 1] == line.text


@given(st.permutations(["ads.test", "x.ads.test", "tracker.test", "a.b.tracker.test"]))
def test_the_order_of_lines_decides_nothing(names: list[str]) -> None:
    searched = compiled("\n".join(names))
    assert listed(searched, "x.ads.test", "ads.test", "b.tracker.test", "test") == [
        "x.ads.test", "ads.test", "b.tracker.test",
    ]  # fmt: skip


def test_what_is_kept_is_the_same_list() -> None:
    for text in ("ads.test\n-\n", "0.0.0.0 a.test\n", "^ad[0-9]\n", "*.a.test CNAME .\nb.a.test CNAME rpz-passthru.\n"):
        made = compiled(text)
        kept = unpacked(packed(made, "of this"), "of this")
        assert kept is not None
        fields = [field.name for field in dataclasses.fields(made)]
        assert [getattr(kept, name) for name in fields] == [getattr(made, name) for name in fields]


def test_what_is_kept_of_something_else_or_damaged_is_nothing() -> None:
    kept = packed(compiled("ads.test\nb.test"), "of this")
    assert unpacked(kept, "of that") is None
    for place in range(len(kept)):
        assert unpacked(kept[:place], "of this") is None
        assert unpacked(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :], "of this") is None
