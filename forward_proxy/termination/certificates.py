"""By which certificate is this proxy reached?  One from files, looked at again when they change, or one of our own CA.

The server name that a client asks for (RFC 6066 §3) decides nothing: a certificate is for where the client has come to,
and no client has one made.
"""

import logging
import os
import ssl
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from forward_proxy.errors import SettingsError
from forward_proxy.message.hosts import canonical_host, ip_literal
from forward_proxy.termination.tls import Contexts, server_context

logger = logging.getLogger(__name__)

LOOK_S = 1.0
_MOST_BYTES = 1 << 20

type _Look = tuple[tuple[int, ...] | None, ...]


class Certificate(Protocol):
    """What a listening address shows to its clients."""

    def context(self, address: str) -> ssl.SSLContext:
        """The TLS of a connection that a client has made to this address of ours."""


class OfAuthority:
    """Made by `leaf`, which gives chain and key in PEM: for the names, and for the address that was connected to.

    So one for every address of this machine needs no list of them.
    """

    def __init__(self, leaf: Callable[[tuple[str, ...]], bytes], names: tuple[str, ...]) -> None:
        self._contexts = Contexts(leaf)
        self._names = names

    def context(self, address: str) -> ssl.SSLContext:
        host = canonical_host(address.partition("%")[0])  # A zone is in no certificate.
        literal = ip_literal(host) if host else None
        local = ("localhost",) if literal is not None and literal.is_loopback else ()
        names = (*self._names, *((host,) if host else ()), *local)
        return self._contexts.of(tuple(dict.fromkeys(names)))


class FromFiles:
    """The chain in one PEM file, the leaf first, and its key in another; `clock` gives seconds that never go back.

    Files that cannot be used leave the certificate before them in place, and an error says so once.
    """

    def __init__(self, chain: Path, key: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises SettingsError for anything that is wrong with the files."""
        self._chain, self._key = chain, key
        self._clock = clock
        self._state = self._look()
        self._context = _load(chain, key)
        self._next_look = clock() + LOOK_S

    def context(self, address: str) -> ssl.SSLContext:
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            if (state := self._look()) != self._state:
                self._state = state
                self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            self._context = _load(self._chain, self._key)
        except SettingsError as fault:
            logger.error("%s; the certificate before stays in use", fault)

    def _look(self) -> _Look:
        return tuple(map(_identity, (self._chain, self._key)))


def _load(chain_file: Path, key_file: Path) -> ssl.SSLContext:
    """Raises SettingsError, naming the file that is at fault and why."""
    chain = _chain(chain_file)
    try:
        key = load_pem_private_key(_read(key_file, secret=True), None)
    except TypeError as fault:
        raise SettingsError(f"{key_file}: the key is encrypted; store it without a passphrase") from fault
    except ValueError as fault:
        raise SettingsError(f"{key_file}: expected a private key in PEM") from fault
    if key.public_key() != chain[0].public_key():
        raise SettingsError(f"{key_file}: the key does not belong to the first certificate of {chain_file}")
    if (ended := chain[0].not_valid_after_utc) < datetime.now(UTC):
        raise SettingsError(f"{chain_file}: the certificate expired on {ended:%Y-%m-%d}")
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        return server_context(pem)
    except ssl.SSLError as fault:
        raise SettingsError(f"{chain_file}: OpenSSL does not take this certificate: {fault.reason}") from fault


def _chain(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError as fault:
        raise SettingsError(f"{file}: expected certificates in PEM, the proxy's own first") from fault


def _read(path: Path, *, secret: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if secret and stat.S_ISREG(mode) and mode & 0o077:
                raise SettingsError(f"{path}: the key is readable by others; run: chmod 600 {path}")
            return file.read(_MOST_BYTES)
    except OSError as fault:
        raise SettingsError(f"{path}: cannot be read: {fault.strerror}") from fault


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
