"""Each form of the certificate is read by something that is not ours, and is the same certificate."""

import plistlib
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from forward_proxy.policy.onboarding.certificates import FORMS, profile

from .making import made

CERTIFICATE = made()
READ = x509.load_der_x509_certificate(CERTIFICATE.der)


def test_pem_and_der_are_that_certificate() -> None:
    assert x509.load_pem_x509_certificate(FORMS["/forward-proxy-ca.pem"].octets(CERTIFICATE)) == READ
    for name in ("/forward-proxy-ca.cer", "/forward-proxy-ca.crt"):
        assert x509.load_der_x509_certificate(FORMS[name].octets(CERTIFICATE)) == READ


def test_the_fingerprint_is_that_of_viewers() -> None:
    assert CERTIFICATE.fingerprint == READ.fingerprint(SHA256()).hex(":").upper()


def test_the_profile_holds_the_certificate_as_a_root() -> None:
    read = plistlib.loads(profile(CERTIFICATE), fmt=plistlib.FMT_XML)
    (root,) = read["PayloadContent"]
    assert (read["PayloadType"], root["PayloadType"]) == ("Configuration", "com.apple.security.root")
    assert read["PayloadVersion"] == root["PayloadVersion"] == 1
    assert root["PayloadContent"] == CERTIFICATE.der
    assert len({read["PayloadUUID"], root["PayloadUUID"]}) == 2
    assert len({read["PayloadIdentifier"], root["PayloadIdentifier"]}) == 2
    assert read["PayloadDisplayName"] == root["PayloadDisplayName"] == "forward-proxy CA 1a2b"


def test_the_profile_of_the_same_certificate_takes_the_place_of_itself_and_of_no_other() -> None:
    assert profile(CERTIFICATE) == profile(CERTIFICATE)
    identities = set()
    for certificate in (CERTIFICATE, made()):
        read = plistlib.loads(profile(certificate))
        identities |= {UUID(read["PayloadUUID"]), UUID(read["PayloadContent"][0]["PayloadUUID"])}
        identities.add(read["PayloadIdentifier"])
    assert len(identities) == 6


def test_a_name_cannot_break_out_of_the_profile() -> None:
    name = '</string><key>PayloadType</key>&"'
    assert plistlib.loads(profile(made(name)))["PayloadDisplayName"] == name


def test_each_form_is_kept_under_its_name_but_for_the_one_that_is_to_be_opened() -> None:
    for path, form in FORMS.items():
        opened = path.endswith(".mobileconfig")
        assert form.disposition.decode() == f'{"inline" if opened else "attachment"}; filename="{path[1:]}"'
