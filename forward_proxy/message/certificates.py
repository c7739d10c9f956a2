"""What is wrong with an origin's certificate?  OpenSSL's words (X509_verify_cert_error_string) for people.

A missing issuer and a chain with a gap look the same to whoever verifies: both end at a certificate nobody here knows.
"""

from collections.abc import Mapping

# The first that occurs in the text decides; what follows the name of the site is told.
_WRONG: Mapping[str, str] = {
    "certificate has expired": "has expired",
    "certificate is not yet valid": "is not valid yet",
    "hostname mismatch": "was issued for another name",
    "ip address mismatch": "was issued for another address",
    "certificate revoked": "has been revoked",
    "signed certificate in certificate chain": "comes from an authority that is not trusted",
    "signed certificate": "is signed by itself, so that anybody could have made it",
    "unable to get local issuer certificate": "comes from an authority that is not known, or its chain has a gap",
    "unable to get issuer certificate": "comes from an authority that is not known, or its chain has a gap",
    "unable to verify the first certificate": "comes from an authority that is not known, or its chain has a gap",
    "key too weak": "has a key that is too weak, or so has its authority",
    "digest algorithm too weak": "is signed by a method that is too weak",
    "invalid ca certificate": "comes from a certificate that may not issue any",
    "unsuitable certificate purpose": "is not for servers",
    "certificate signature failure": "has a signature that is wrong",
}


def what_is_wrong(site: str, text: str) -> str:
    """A clause about the certificate of this host, with OpenSSL's own words where there are none of ours."""
    lowered = text.lower()
    found = next((words for known, words in _WRONG.items() if known in lowered), None)
    return f"the certificate of {site} {found}" if found else f"the certificate of {site} cannot be verified: {text}"
