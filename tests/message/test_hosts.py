import re
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.hosts import canonical_host, ip_literal, unmapped


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("ex%61mple.com", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),  # full-width letters, as UTS 46 maps them
        ("example。com", "example.com"),  # ideographic full stop
        ("under_score.example", "under_score.example"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("1.2.3.0x", "1.2.3.0"),
        ("１２７.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("[::ffff:7f00:1]", "127.0.0.1"),
    ],
)
def test_every_spelling_of_a_host_has_one_form(spelling: str, canonical: str) -> None:
    assert canonical_host(spelling) == canonical


@pytest.mark.parametrize(
    "spelling",
    [
        "", ".", "..", "a..b", "-a.example", "a-.example", "a b", "a/b", "a@b", "a%00b", "%zz", "%ff.example",
        "256.0.0.1", "1.2.3.4.5", "1.2.3.256", "0x100000000", "08.0.0.1", "example.1",
        "[::1", "::1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[1.2.3.4]", "a" * 64, "a." * 127 + "a" * 10,
        "http://x", "x:80", "ex\u202eample.com",
    ],
)  # fmt: skip
def test_what_has_no_form_is_refused_not_guessed(spelling: str) -> None:
    assert canonical_host(spelling) is None


@given(st.text())
def test_any_text_gives_a_stable_form_or_none(text: str) -> None:
    canonical = canonical_host(text)
    if canonical is not None:
        assert canonical_host(canonical) == canonical
        assert re.fullmatch(r"[a-z0-9_.:-]+", canonical)


@given(st.ip_addresses(v=4))
def test_every_way_to_write_an_ipv4_address_is_the_address(address: IPv4Address) -> None:
    number = int(address)
    octets = address.packed
    spellings = (
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(hex(octet) for octet in octets),
        ".".join(f"0{octet:o}" for octet in octets),
        f"{octets[0]}.{number & 0xFFFFFF}",
        f"[::ffff:{address}]",
    )
    assert {canonical_host(spelling) for spelling in spellings} == {str(address)}


@given(st.ip_addresses())
def test_a_canonical_address_is_read_back(address: IPv4Address | IPv6Address) -> None:
    assert ip_literal(canonical_host(f"[{address}]" if address.version == 6 else str(address)) or "") == unmapped(
        address
    )


@pytest.mark.parametrize("name", ["example.com", "a.b-c.example", "x"])
def test_a_name_is_no_address(name: str) -> None:
    assert ip_literal(name) is None
