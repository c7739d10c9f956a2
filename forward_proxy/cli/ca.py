"""`forward-proxy ca`: the certificate that clients must trust before HTTPS can be inspected.

Nothing here reads the authority's key or makes an authority: the first `run` does.
"""

import os
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.cli.common import takes_settings
from forward_proxy.cli.failures import Failure, Misuse
from forward_proxy.settings import Settings

_ENCODINGS = {"pem": Encoding.PEM, "der": Encoding.DER}


@click.group()
def ca() -> None:
    """Hand out the certificate that clients must trust."""


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


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except FileNotFoundError:
        raise Failure(f"{file}: there is no certificate yet; the first `forward-proxy run` makes it") from None
    except OSError as fault:
        raise Failure(f"{file}: the certificate cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise Failure(f"{file}: this is not a PEM certificate") from fault


def _write(output: Path, content: bytes) -> None:
    try:
        output.write_bytes(content)
    except OSError as fault:
        raise Failure(f"{output}: the certificate cannot be written: {fault.strerror}") from fault
