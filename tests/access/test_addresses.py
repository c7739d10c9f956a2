from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.addresses import METADATA, Special, special


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "shared"),
        ("100.127.255.255", "shared"),
        ("100.128.0.1", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("169.254.1.1", "link-local"),
        ("172.15.255.255", None),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.1", None),
        ("192.0.2.1", "reserved"),
        ("192.168.1.1", "private"),
        ("198.18.0.1", "private"),
        ("198.20.0.1", None),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("8.8.8.8", None),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", "unspecified"),
        ("fc00::1", "private"),
        ("fd12::1", "private"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "private"),
        ("ff02::1", "multicast"),
        ("64:ff9b:1::1", "private"),
        ("100::1", "reserved"),
        ("2001:db8::1", "reserved"),
        ("3fff::1", "reserved"),
        ("4000::1", "reserved"),
        ("2606:4700::1111", None),
    ],
)
def test_an_address_is_of_the_kind_that_its_registry_says(text: str, kind: str | None) -> None:
    found = special(ip_address(text))
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize("address", sorted(METADATA, key=str))
def test_metadata_addresses_are_known(address: IPv4Address | IPv6Address) -> None:
    assert special(address) == Special("metadata")


FORMS = {
    "mapped": lambda v4: IPv6Address(f"::ffff:{v4}"),
    "translated": lambda v4: IPv6Address(f"::ffff:0:{v4}"),
    "compatible": lambda v4: IPv6Address(f"::{v4}"),
    "NAT64": lambda v4: IPv6Address(f"64:ff9b::{v4}"),
    "6to4": lambda v4: IPv6Address((0x2002 << 112) | (int(v4) << 80) | 1),
    "Teredo client": lambda v4: IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (int(v4) ^ 0xFFFFFFFF)),
    "Teredo server": lambda v4: IPv6Address((0x20010000 << 96) | (int(v4) << 64) | (0x08080808 ^ 0xFFFFFFFF)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "169.254.1.1", "224.0.0.1"])
def test_what_carries_a_special_address_is_as_special(form: str, inner: str) -> None:
    address = IPv4Address(inner)
    assert special(FORMS[form](address)) == Special(special(address).kind, address)  # type: ignore[union-attr]  # each is


@pytest.mark.parametrize(
    ("form", "kind"),
    [("mapped", None), ("NAT64", None), ("6to4", None), ("Teredo client", None), ("compatible", "reserved")],
)
def test_what_carries_a_public_address_is_judged_by_its_form(form: str, kind: str | None) -> None:
    found = special(FORMS[form](IPv4Address("9.9.9.9")))
    assert (found.kind if found else None) == kind


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_never_public_here(address: IPv4Address | IPv6Address) -> None:
    """Theirs is the coarser list; ours may say more, not less (but for what carries a public address)."""
    if isinstance(address, IPv4Address) and not address.is_global:
        assert special(address) is not None
    special(address)
