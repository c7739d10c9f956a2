"""The stores of trust there are: NSS databases of browsers, Java's key stores, the system's folder of anchors.

Each is changed by the tool of those who made it; its files are never edited here.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.authority.model import bodies, body

_PATIENCE_S = 60
# The trust attributes of certutil: an authority for servers, for nothing else.
_NSS_TRUST = "C,,"
_DEBIAN_COMMAND = "update-ca-certificates"
# Everybody's password of Java's own key stores, which hold nothing secret.
_JAVA_PASSWORD = "changeit"  # noqa: S105


class TrustError(Exception):
    """A store could not be asked or changed; the text says why."""


class Store(Protocol):
    """One store.  `files` are all that a change may touch of it; `lacks` says which tool is missing, if one is."""

    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def files(self) -> tuple[Path, ...]: ...
    @property
    def lacks(self) -> str | None: ...
    def holds(self, certificate: x509.Certificate) -> bool: ...
    def add(self, certificate: x509.Certificate, name: str) -> None: ...
    def remove(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Nss:
    """A database of NSS, in the folder `path`; it is made when it is not there.

    One that is protected by a password cannot be changed without it.
    """

    label: str
    path: Path
    kind: str = "nss"

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.path / name for name in ("cert9.db", "key4.db", "pkcs11.txt"))

    @property
    def lacks(self) -> str | None:
        packages = "libnss3-tools on Debian and Ubuntu, nss-tools on Fedora, nss on Arch and Homebrew"
        return None if which("certutil") else f"certutil is not installed: {packages}"

    def holds(self, certificate: x509.Certificate) -> bool:
        if not self.files[0].exists():
            return False
        for line in self._certutil("-L").splitlines():
            name, _, attributes = line.rstrip().rpartition(" ")
            if "C" not in attributes.partition(",")[0] or attributes.count(",") != 2:
                continue
            text = self._certutil("-L", "-n", name.strip(), "-a")
            if body(certificate) in bodies(text):
                return True
        return False

    def add(self, certificate: x509.Certificate, name: str) -> None:
        if not self.files[0].exists():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._certutil("-N", "--empty-password")
        self._certutil("-A", "-t", _NSS_TRUST, "-n", name, given=certificate.public_bytes(Encoding.DER))

    def remove(self, name: str) -> None:
        self._certutil("-D", "-n", name)

    def _certutil(self, *words: str, given: bytes = b"") -> str:
        return _asked(("certutil", "-d", f"sql:{self.path}", *words), given)


@dataclass(frozen=True, slots=True)
class Java:
    """A key store of trusted certificates, as JDKs ship them."""

    label: str
    path: Path
    kind: str = "java"

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    @property
    def lacks(self) -> str | None:
        return None if self._keytool_path() else "keytool is not installed; every JDK has it"

    def holds(self, certificate: x509.Certificate) -> bool:
        listed = self._keytool("-list", "-rfc")
        return body(certificate) in bodies(listed)

    def add(self, certificate: x509.Certificate, name: str) -> None:
        self._keytool("-importcert", "-noprompt", "-alias", name, given=certificate.public_bytes(Encoding.DER))

    def remove(self, name: str) -> None:
        self._keytool("-delete", "-alias", name)

    def _keytool(self, *words: str, given: bytes = b"") -> str:
        command = (str(self._keytool_path()), *words, "-keystore", str(self.path), "-storepass", _JAVA_PASSWORD)
        return _asked(command, given)

    def _keytool_path(self) -> str | None:
        """Its own, for an older one may not read what a newer one wrote."""
        own = self.path.parents[2] / "bin" / "keytool"
        return str(own) if own.is_file() else which("keytool")


@dataclass(frozen=True, slots=True)
class Anchors:
    """The system's folder `path` of authorities to trust; `command` makes the system read it."""

    label: str
    path: Path
    command: tuple[str, ...]
    kind: str = "system"

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    @property
    def lacks(self) -> str | None:
        return None if which(self.command[0]) else f"{self.command[0]} is not installed"

    def holds(self, certificate: x509.Certificate) -> bool:
        try:
            texts = [file.read_text("utf-8", "replace") for file in self.path.glob("*.crt")]
        except OSError as fault:
            raise TrustError(f"{self.path}: {fault.strerror}") from fault
        return any(body(certificate) in bodies(text) for text in texts)

    def add(self, certificate: x509.Certificate, name: str) -> None:
        file = self._file(name)
        try:
            file.write_bytes(certificate.public_bytes(Encoding.PEM))
            file.chmod(0o644)
        except OSError as fault:
            raise TrustError(f"{file}: {fault.strerror}") from fault
        _asked(self.command)

    def remove(self, name: str) -> None:
        if not self._file(name).exists():
            return
        try:
            self._file(name).unlink()
        except OSError as fault:
            raise TrustError(f"{self._file(name)}: {fault.strerror}") from fault
        # Debian's leaves a link to what is gone unless it makes all of them anew.
        debian = self.command[0] == _DEBIAN_COMMAND
        _asked((*self.command, "--fresh") if debian else self.command)

    def by_hand(self, certificate_file: Path, name: str) -> str:
        """What root would type."""
        return f"cp {certificate_file} {self._file(name)} && {' '.join(self.command)}"

    def _file(self, name: str) -> Path:
        return self.path / f"{name.replace(' ', '-').replace('/', '-')}.crt"


def _asked(command: Sequence[str], given: bytes = b"") -> str:
    """What the tool says; nobody is there to be asked for a password."""
    environ = os.environ | {"LC_ALL": "C", "JAVA_TOOL_OPTIONS": ""}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=_PATIENCE_S, check=False, env=environ, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise TrustError(f"{Path(command[0]).name}: {fault}") from fault
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        told = (done.stderr.decode("utf-8", "replace") or said).strip().splitlines() or [f"exit {done.returncode}"]
        raise TrustError(f"{Path(command[0]).name}: {told[-1]}")
    return said
