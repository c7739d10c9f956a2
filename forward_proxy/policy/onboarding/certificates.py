"""The certificate of the authority that signs for inspected hosts, in the form that each platform opens.

Only the certificate: there is no place for a key here.  PEM is of RFC 7468 and its media type of RFC 8555 §9.1; DER
goes by the name that Windows, macOS and Java expect (`.cer`) and by the one that Android does (`.crt`), with the type
that all know.  The configuration profile is Apple's, and unsigned: whom nobody trusts yet cannot vouch for it.
"""

import base64
import hashlib
import plistlib
import textwrap
import uuid
from collections.abc import Callable
from dataclasses import dataclass

_BASENAME = "forward-proxy-ca"
_DER_TYPE = b"application/x-x509-ca-cert"


@dataclass(frozen=True, slots=True)
class Certificate:
    """`der` is X.509, `name` the common name that stores list it by."""

    der: bytes
    name: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 as certificate viewers show it, such as `AB:CD:…`."""
        return hashlib.sha256(self.der).digest().hex(":").upper()

    @property
    def pem(self) -> bytes:
        lines = textwrap.wrap(base64.b64encode(self.der).decode("ascii"), 64)
        return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", "")).encode("ascii")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of it: its file's name, media type and octets, and whether it is kept as a file or opened at once."""

    filename: str
    media_type: bytes
    octets: Callable[[Certificate], bytes]
    kept: bool = True

    @property
    def disposition(self) -> bytes:
        """Content-Disposition (RFC 6266)."""
        return f'{"attachment" if self.kept else "inline"}; filename="{self.filename}"'.encode("ascii")


def profile(certificate: Certificate) -> bytes:
    """A configuration profile that installs the certificate; the same one each time, so that it takes its own place.

    https://developer.apple.com/documentation/devicemanagement/certificateroot
    """
    identifier = f"proxy.forward.ca.{hashlib.sha256(certificate.der).hexdigest()[:16]}"
    root = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.root",
        "PayloadUUID": _uuid(certificate, "root"),
        "PayloadDisplayName": certificate.name,
        "PayloadCertificateFileName": f"{_BASENAME}.cer",
        "PayloadContent": certificate.der,
    }
    whole = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": _uuid(certificate, "profile"),
        "PayloadDisplayName": certificate.name,
        "PayloadDescription": "The certificate by which this proxy opens HTTPS. "
        "After it is installed, trust it in Settings, General, About, Certificate Trust Settings.",
        "PayloadContent": [root],
    }
    return plistlib.dumps(whole)


def _uuid(certificate: Certificate, part: str) -> str:
    """Of this part for this certificate alone (RFC 9562 §5.5)."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{certificate.fingerprint} {part}")).upper()


FORMS = {
    f"/{form.filename}": form
    for form in (
        Form(f"{_BASENAME}.pem", b"application/pem-certificate-chain", lambda certificate: certificate.pem),
        Form(f"{_BASENAME}.cer", _DER_TYPE, lambda certificate: certificate.der),
        Form(f"{_BASENAME}.crt", _DER_TYPE, lambda certificate: certificate.der),
        # Safari installs what it opens, and only stores what it keeps.
        Form(f"{_BASENAME}.mobileconfig", b"application/x-apple-aspen-config", profile, kept=False),
    )
}
