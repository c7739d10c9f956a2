"""Would a browser accept what is signed for hosts?  OpenSSL and cryptography's own verifier are the oracles."""

import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store

from forward_proxy.authority.leaves import Leaves
from forward_proxy.authority.model import Authority

from .making import DAY, NOW, Made, ca

ROOT = ca("Root", identifier=b"0123456789abcdef0123")
MADE = [ROOT, ca(key=rsa.generate_private_key(65537, 2048)), ca("Below", ROOT, identifier=b"another")]


def leaves(made: Made) -> Leaves:
    return Leaves(Authority(made.key, made.chain, Path("ca.pem")))


@pytest.mark.parametrize("made", MADE)
def test_it_verifies_up_to_what_clients_trust(made: Made, tmp_path: Path) -> None:
    pem = leaves(made).pem(("site.test", "other.test"), NOW)
    leaf, *rest = x509.load_pem_x509_certificates(pem)
    verifier = (
        PolicyBuilder().store(Store([made.chain[-1]])).time(NOW).build_server_verifier(x509.DNSName("other.test"))
    )
    verifier.verify(leaf, rest)


@pytest.mark.parametrize("skewed", [NOW - 2 * DAY, NOW + 2 * DAY])
def test_clients_with_a_wrong_clock_accept_it(skewed: object) -> None:
    leaf = leaves(ROOT).certificate([x509.DNSName("site.test")], NOW)
    builder = PolicyBuilder().store(Store(ROOT.chain)).time(skewed)  # type: ignore[arg-type]
    builder.build_server_verifier(x509.DNSName("site.test")).verify(leaf, [])


def test_it_lives_less_than_any_browser_allows() -> None:
    leaf = leaves(ROOT).certificate([x509.DNSName("site.test")], NOW)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=47)


def test_it_never_outlives_any_of_its_issuers() -> None:
    made = ca("Below", ca("Root", end=NOW + 5 * DAY))
    leaf = leaves(made).certificate([x509.DNSName("site.test")], NOW)
    assert leaf.not_valid_after_utc == NOW + 5 * DAY


def test_an_authority_that_has_expired_meanwhile_signs_what_nobody_accepts() -> None:
    leaf = leaves(ca(end=NOW - 100 * DAY, start=NOW - 200 * DAY)).certificate([x509.DNSName("a.test")], NOW)
    assert leaf.not_valid_after_utc < NOW


def test_its_key_is_not_the_authority_s() -> None:
    made = leaves(ROOT)
    leaf = made.certificate([x509.DNSName("site.test")], NOW)
    assert leaf.public_key() == made.key.public_key() != ROOT.key.public_key()


def test_addresses_are_certified_as_addresses() -> None:
    leaf = x509.load_pem_x509_certificate(leaves(ROOT).pem(("192.0.2.1", "2001:db8::1"), NOW))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.1"), ip_address("2001:db8::1")]


def test_a_long_name_stands_among_the_alternatives_alone() -> None:
    """A common name has 64 characters at most (RFC 5280, appendix A)."""
    name = f"{'a' * 60}.{'b' * 60}.test"
    leaf = leaves(ROOT).certificate([x509.DNSName(name)], NOW)
    assert list(leaf.subject) == []
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_openssl_is_content_when_strict(tmp_path: Path) -> None:
    made = ca("Below", ROOT, identifier=b"another")
    pem = leaves(made).pem(("site.test",), NOW)
    leaf, *rest = x509.load_pem_x509_certificates(pem)
    written = {}
    for name, chain in (("leaf", [leaf]), ("between", rest), ("root", list(ROOT.chain))):
        written[name] = tmp_path / name
        written[name].write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    command = ["openssl", "verify", "-attime", str(int(NOW.timestamp())), "-verify_hostname", "site.test"]
    command += ["-CAfile", written["root"], "-untrusted", written["between"], written["leaf"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
