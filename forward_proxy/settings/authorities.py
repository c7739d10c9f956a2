"""Which authority is in force: the one that was given, or our own?"""

from cryptography import x509

from forward_proxy.authority import files
from forward_proxy.authority.model import Authority
from forward_proxy.settings.model import Settings
from forward_proxy.settings.options import ca_folder


def authority_of(settings: Settings) -> Authority:
    """The given one, or our own, which is made if there is none.  Raises SettingsError and StartError."""
    if settings.ca.certificate is None or settings.ca.key is None:
        return files.own(ca_folder(settings), files.utc_now())
    return files.given(settings.ca.certificate, settings.ca.key, files.utc_now())


def chain_of(settings: Settings) -> tuple[x509.Certificate, ...]:
    """Its certificates, the one that clients trust last; the key is not read.  Raises SettingsError."""
    return files.certificates_in(settings.ca_certificate)
