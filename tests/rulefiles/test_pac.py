"""What is wrong with an entry of `pac:` is told with its place."""

from ipaddress import IPv4Network

import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.policy.onboarding import Pac
from forward_proxy.rulefiles.rules import compiled


def read(entries: str) -> list[Pac]:
    rules = compiled((("x.yaml", f"pac: [{entries}]".encode()),))
    return [choice.value for choice in rules.pac]


def test_entries_in_their_order() -> None:
    one, two = read(
        "{ match: {}, direct: [Corp.example., =one.example, 192.0.2.7, 198.51.100.0/24] }, "
        "{ match: { listener: 8081 }, direct: a.example, fallback: direct }"
    )
    assert one == Pac(
        (
            HostPattern("corp.example", below=True),
            HostPattern("one.example", below=False),
            HostPattern("192.0.2.7", below=False),
        ),
        (IPv4Network("198.51.100.0/24"),),
    )
    assert str(one) == "direct: corp.example, =one.example, 192.0.2.7, 198.51.100.0/24; fallback: none"
    assert two == Pac((HostPattern("a.example", below=True),), fallback=True)
    assert compiled((("x.yaml", b"pac: [{ match: {}, fallback: none }]"),)).counts["pac"] == 1


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{ match: {} }", "1:7: pac[0]: expected direct, fallback or both"),
        ("{ fallback: direct }", "1:7: pac[0]: match is missing; write match: {} for every request"),
        ("{ fallback: yes, match: {} }", "1:9: pac[0].fallback: expected none or direct"),
        ("{ direct: [a.example, 'fd00::/8'], match: {} }",
         "1:29: pac[0].direct[1]: fd00::/8: expected a network of IPv4; a PAC file cannot tell networks of IPv6"),
        ("{ direct: 'http://a.example/', match: {} }",
         "1:9: pac[0].direct: expected an IP address or a network such as 10.0.0.0/8, not http://a.example/"),
        ("{ direct: [{}], match: {} }",
         "1:18: pac[0].direct[0]: expected a host, an address, or a network such as 10.0.0.0/8"),
        ("{ fallback: none, match: { host: a.example } }",
         "1:34: pac[0].match.host: not known when a browser fetches the PAC file"),
        ("{ fallback: none, match: { user: alice } }",
         "1:34: pac[0].match.user: not known when a browser fetches the PAC file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(entry: str, told: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        compiled((("x.yaml", f"pac: [{entry}]".encode()),))
    assert str(caught.value).splitlines() == [f"x.yaml:{told}"]
