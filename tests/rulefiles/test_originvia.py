from pathlib import Path

import pytest

from forward_proxy.access.parents import DIRECT, Parent, Route, Secret
from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.rules import Rules, load

OFFICE = Parent("http", "proxy.example", 3128)


def loaded(folder: Path, entry: str) -> Rules:
    (folder / "x.yaml").write_text(f"origin_via:\n  - {entry}\n")
    return load([folder])


@pytest.mark.parametrize(
    ("via", "hops"),
    [
        ("direct", (DIRECT,)),
        ("http://Proxy.Example.:3128/", (OFFICE,)),
        ("[socks5://192.0.2.1:1080]", (Parent("socks5", "192.0.2.1", 1080),)),
        ("['socks5://[2001:DB8::1]:1080', http://proxy.example:3128, direct]",
         (Parent("socks5", "2001:db8::1", 1080), OFFICE, DIRECT)),
        ("{ parent: http://proxy.example:3128, credentials: { env: OFFICE_PROXY } }",
         (Parent("http", "proxy.example", 3128, Secret("env", "OFFICE_PROXY")),)),
    ],
)  # fmt: skip
def test_a_route_is_one_hop_or_a_list_of_them(tmp_path: Path, via: str, hops: tuple[object, ...]) -> None:
    (choice,) = loaded(tmp_path, f"{{ via: {via}, match: {{}} }}").origin_via
    assert choice.value.hops == hops
    assert choice.where.line == 2


def test_a_file_of_credentials_is_named_from_the_rule_file(tmp_path: Path) -> None:
    (choice,) = loaded(
        tmp_path, "{ via: [{ parent: http://a.example:1, credentials: { file: ../office } }], match: {} }"
    ).origin_via
    assert choice.value == Route((Parent("http", "a.example", 1, Secret("file", f"{tmp_path}/../office")),))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{ match: {} }", "2:5: origin_via[0]: via is missing; expected direct, http://HOST:PORT or socks5://HOST:PORT"),
        ("{ via: [], match: {} }", "2:7: origin_via[0].via: expected direct"),
        ("{ via: https://a.example:1, match: {} }", "2:7: origin_via[0].via: expected direct, http://HOST:PORT"),
        ("{ via: http://a.example, match: {} }", "2:7: origin_via[0].via: expected direct, http://HOST:PORT"),
        ("{ via: http://a.example:70000, match: {} }", "2:7: origin_via[0].via: expected direct, http://HOST:PORT"),
        ("{ via: [direct, http://a.example:1], match: {} }", "origin_via[0].via[1]: is never tried: direct stands"),
        ("{ via: [http://a.example:1, http://A.example:1], match: {} }", "http://a.example:1 is in the list already"),
        ("{ via: { credentials: { env: X } }, match: {} }", "parent is missing"),
        ("{ via: { parent: direct }, match: {} }", "origin_via[0].via.parent: expected"),
        ("{ via: { parent: http://a.example:1, credential: x }, match: {} }", "unknown key"),
        ("{ via: { parent: http://a.example:1, credentials: me:secret }, match: {} }", "expected { env: NAME } or"),
        ("{ via: { parent: http://a.example:1, credentials: { env: '=' } }, match: {} }", "expected { env: NAME } or"),
        ("{ via: direct, match: { path: /x } }", "path: not known before the origin is dialled"),
        ("{ via: direct }", "match is missing"),
        ("{ via: direct, list: { source: x }, match: {} }", "unknown key"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_place(tmp_path: Path, entry: str, told: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        loaded(tmp_path, entry)
    assert told in str(caught.value)


def test_credentials_in_a_rule_file_are_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError) as caught:
        loaded(tmp_path, "{ via: http://me:secret@a.example:3128, match: {} }")
    assert "credentials do not belong in a rule file; write" in str(caught.value)
    assert "secret" not in str(caught.value)
