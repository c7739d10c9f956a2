"""Which certificate is handed out to clients?  The one they are to trust, read from where it is kept."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.policy.onboarding import Certificate
from forward_proxy.settings.model import Settings


def certificate_of(settings: Settings) -> Certificate | None:
    """None when no TLS is opened, and when there is none yet or it cannot be read.

    Of a chain it is the last, which the others lead to.
    """
    if not settings.inspect:
        return None
    try:
        found = x509.load_pem_x509_certificates(settings.ca_certificate.read_bytes())[-1]
    except (OSError, ValueError):
        return None
    named = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = str(named[0].value) if named else found.subject.rfc4514_string()
    return Certificate(found.public_bytes(Encoding.DER), name)
