"""Is the CA sound, does the running proxy sign with it, and who trusts it?"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from forward_proxy.authority import files
from forward_proxy.authority.checks import reminders
from forward_proxy.authority.model import Authority, name_of
from forward_proxy.diagnosis.findings import Finding, Level
from forward_proxy.errors import SettingsError, StartError
from forward_proxy.settings import Settings
from forward_proxy.settings.authorities import authority_of
from forward_proxy.settings.options import ca_folder
from forward_proxy.trusting.changing import holding
from forward_proxy.trusting.stores import Store

_ABOUT = "CA"


def authority(settings: Settings, now: datetime) -> tuple[list[Finding], Authority | None]:
    """What is to say of it; None when there is none to sign with.  Makes none."""
    if not settings.needs_authority:
        return [Finding(Level.OK, _ABOUT, "none is needed: no TLS is opened (inspect: off)")], None
    if settings.ca.certificate is None and not settings.ca_certificate.exists():
        return [Finding(Level.WARNING, _ABOUT, "there is none yet; the first run makes it", "forward-proxy run")], None
    try:
        found = authority_of(settings)
    except (SettingsError, StartError) as fault:
        text, _, fix = str(fault).partition("; ")
        return [Finding(Level.ERROR, _ABOUT, text, fix or "see docs/trust.md")], None
    given = settings.ca.certificate is not None
    fix = "give a new one" if given else "forward-proxy ca rotate"
    warnings = [Finding(Level.WARNING, _ABOUT, text, fix) for text in reminders(found, now)]
    end = min(each.not_valid_after_utc for each in found.chain).date().isoformat()
    sound = Finding(Level.OK, _ABOUT, f"{name_of(found.chain[-1])} is sound, valid until {end}; its key is private")
    return warnings or [sound], found


def signer(leaf: x509.Certificate | str, own: Authority, settings: Settings) -> Finding:
    """Whether the proxy that runs shows what our authority has signed."""
    if isinstance(leaf, str):
        return Finding(Level.NOTE, "TLS", f"{leaf}, so what the proxy signs with is not known")
    if _signed(leaf, own.certificate):
        return Finding(Level.OK, "TLS", f"the proxy opens TLS, and signs with {name_of(own.certificate)}")
    for old in files.former(ca_folder(settings)):
        if _signed(leaf, old):
            return Finding(
                Level.WARNING,
                "TLS",
                f"the proxy still signs with {name_of(old)}, which was replaced",
                "restart the proxy",
            )
    return Finding(
        Level.ERROR,
        "TLS",
        "the proxy that runs signs with a CA of another state folder or other settings",
        "ask with the same --state and --settings as it was started with",
    )


def stores(found: Iterable[Store], own: Authority, *, of_machine: bool) -> Iterator[Finding]:
    """Who trusts it.  What is for the whole machine is its owner's choice."""
    for store, known in holding(found, own.chain[-1]):
        where = f"{store.label} ({_shown(store.path)})"
        if isinstance(known, str):
            yield Finding(Level.NOTE, "trust", f"{where} cannot be asked: {known}")
        elif known:
            yield Finding(Level.OK, "trust", f"{where} trusts the CA")
        elif of_machine:
            yield Finding(Level.NOTE, "trust", f"{where} does not trust the CA; forward-proxy trust says how")
        else:
            yield Finding(Level.WARNING, "trust", f"{where} does not trust the CA", "forward-proxy trust")


def _signed(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _shown(path: Path) -> str:
    home = Path("~").expanduser()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
