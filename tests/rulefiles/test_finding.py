import pytest

from forward_proxy.rulefiles import compiled
from forward_proxy.rulefiles.finding import Finding, find, searchables

SET = compiled(
    (
        ("rules/a.yaml", b"""\
rules:
  - id: no-ads
    action: deny
    match:
      host: [ads.example, "=one.example"]
      not: { host: good.ads.example }
    reason: Nobody asked for Ads
"""),
        ("rules/b.yaml", b"cache:\n  - { bypass: true, match: { path: /ads/*, host: b.example } }\n"),
        ("rules/empty.yaml", b""),
    )
)  # fmt: skip


def found(text: str) -> list[tuple[str, str, str]]:
    return [(each.entry, each.key, each.how) for each in find(searchables(SET), text)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("NO-ADS", [("no-ads", "id", "has")]),
        ("nobody", [("no-ads", "reason", "has")]),
        ("/ads/", [("cache[0]", "match.path", "has")]),
        ("www.ads.example", [("no-ads", "match.host[0]", "means")]),
        ("x.good.ads.example", [("no-ads", "match.host[0]", "means"), ("no-ads", "match.not.host", "means")]),
        ("https://WWW.ads.example:8443/x?y", [("no-ads", "match.host[0]", "means")]),
        ("one.example", [("no-ads", "match.host[1]", "has")]),
        ("x.one.example", []),
        ("notads.example", []),
        ("match", []),
        ("# ", []),
    ],
)
def test_text_is_found_where_it_stands_and_a_host_where_it_is_meant(text: str, findings: list[object]) -> None:
    assert found(text) == findings


def test_a_finding_has_its_line() -> None:
    assert list(find(searchables(SET), "b.example")) == [
        Finding("rules/b.yaml", 2, "cache[0]", "match.host", "b.example", "has")
    ]
