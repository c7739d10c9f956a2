"""`forward-proxy ca`: the certificate that clients must trust before HTTPS can be inspected.

Nothing here reads the authority's key, and only `rotate` makes one: otherwise the first `run`, `trust` or `exec` does.
"""

import json
import os
from datetime import datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from rich.table import Table

from forward_proxy.authority.files import former, utc_now
from forward_proxy.authority.files import rotate as rotated
from forward_proxy.authority.model import fingerprint, name_of
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure, Misuse
from forward_proxy.cli.screen import facts, said
from forward_proxy.cli.screen import show as show_on_screen
from forward_proxy.cli.trusting import NO_CERTIFICATE, surroundings
from forward_proxy.cli.welcome import quoted
from forward_proxy.settings import Settings
from forward_proxy.settings.authorities import chain_of
from forward_proxy.settings.options import ca_folder
from forward_proxy.traffic.redaction import visible
from forward_proxy.trusting.changing import holding
from forward_proxy.trusting.finding import machines, users

_ENCODINGS = {"pem": Encoding.PEM, "der": Encoding.DER}


@click.group()
def ca() -> None:
    """Show, hand out and replace the certificate that clients must trust."""


@ca.command()
@takes_settings("state")
def path(settings: Settings) -> None:
    """Print where the certificate is, whether or not it has been made."""
    click.echo(settings.ca_certificate)


@ca.command()
@click.option("--format", "format_", type=click.Choice(tuple(_ENCODINGS)), default="pem", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to this file, not to stdout.")
@takes_settings("state")
def export(settings: Settings, format_: str, output: Path | None) -> None:
    """Print the certificate, without its key, as PEM or DER."""
    certificate = _certificate(settings.ca_certificate).public_bytes(_ENCODINGS[format_])
    if output is not None:
        _write(output, certificate)
    elif format_ == "der" and os.isatty(1):
        raise Misuse("DER is not for terminals: name a file with --output FILE")
    else:
        click.echo(certificate, nl=False)


@ca.command()
@takes_settings("state")
@json_option
def show(settings: Settings, as_json: bool) -> None:
    """Tell whose certificate it is, how long it lives, and where it is trusted."""
    chain = _chain(settings)
    now = utc_now()
    around = surroundings()
    stores = [*holding((*users(around), *machines(around)), chain[-1])]
    gone = former(ca_folder(settings))
    if as_json:
        described = [_described(each, now) for each in chain]
        trusted = [
            {"store": store.label, "path": str(store.path), "trusted": known if isinstance(known, bool) else None}
            for store, known in stores
        ]
        of_old = [_described(each, now) for each in gone]
        file = str(settings.ca_certificate)
        click.echo(json.dumps({"file": file, "chain": described, "trusted": trusted, "former": of_old}, indent=2))
        return
    table = facts()
    table.add_row("file", said(quoted(settings.ca_certificate)))
    for each in chain:
        _add_facts(table, each, now)
    for store, known in stores:
        where = f"{store.label}, {quoted(store.path)}"
        told = ("trusted" if known else "not trusted") if isinstance(known, bool) else f"cannot be told: {known}"
        table.add_row("in", said(f"{where}: {told}"))
    for each in gone:
        table.add_row("former", said(f"{name_of(each)}, SHA-256 {fingerprint(each)}"))
    show_on_screen(table)


@ca.command()
@takes_settings("state")
def rotate(settings: Settings) -> None:
    """Make a new CA in the place of the old one, whose key is destroyed."""
    if settings.ca.certificate is not None:
        raise Failure(
            f"ca.certificate ({settings.sources['ca.certificate']}): this CA was given, and its owner replaces it"
        )
    new = rotated(ca_folder(settings), utc_now())
    gone = former(ca_folder(settings))
    table = facts()
    _add_facts(table, new, utc_now())
    show_on_screen(table)
    if gone:
        click.echo(f"It takes the place of {visible(name_of(gone[0]))}, whose key is destroyed.")
        click.echo("A proxy that runs signs with the old one until it is started again.")
        click.echo(
            "Whoever trusted the old one has to trust the new one: forward-proxy untrust, then forward-proxy trust."
        )
        click.echo("What was imported by hand, on phones for instance, is to be removed and imported by hand.")


def _chain(settings: Settings) -> tuple[x509.Certificate, ...]:
    if not settings.ca_certificate.exists():
        raise Failure(NO_CERTIFICATE.format(settings.ca_certificate))
    return chain_of(settings)


def _described(certificate: x509.Certificate, now: datetime) -> dict[str, object]:
    return {
        "name": visible(name_of(certificate)),
        "sha256": fingerprint(certificate),
        "key": _key(certificate),
        "from": certificate.not_valid_before_utc.isoformat(),
        "until": certificate.not_valid_after_utc.isoformat(),
        "days_left": (certificate.not_valid_after_utc - now).days,
    }


def _add_facts(table: Table, certificate: x509.Certificate, now: datetime) -> None:
    table.add_row("certificate", said(name_of(certificate)))
    table.add_row("SHA-256", said(fingerprint(certificate)))
    table.add_row("key", said(_key(certificate)))
    start, end = (at.date().isoformat() for at in (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    left = (certificate.not_valid_after_utc - now).days
    table.add_row("valid", f"from {start} until {end}, {f'{left} days more' if left >= 0 else 'which is over'}")


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {key.curve.name}"
    return f"RSA {key.key_size} bits" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[-1]  # The one to trust.
    except FileNotFoundError:
        raise Failure(NO_CERTIFICATE.format(file)) from None
    except OSError as fault:
        raise Failure(f"{file}: the certificate cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise Failure(f"{file}: this is not a PEM certificate") from fault


def _write(output: Path, content: bytes) -> None:
    try:
        output.write_bytes(content)
    except OSError as fault:
        raise Failure(f"{output}: the certificate cannot be written: {fault.strerror}") from fault
