"""Puts a certificate into stores of trust and takes it out again; one at a time, each told in one line.

Taken out is what the ledger says was put in, in the reverse order.  Where nothing else has changed in a store since
and no program has it open, its files are put back as they were; otherwise its own tool removes the certificate.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509

from forward_proxy.authority.model import fingerprint, name_of
from forward_proxy.trusting import copies
from forward_proxy.trusting.ledger import Entry, Ledger
from forward_proxy.trusting.stores import Anchors, Store, TrustError

type What = Literal["added", "there already", "to add", "put back", "removed", "to remove", "failed"]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one store."""

    store: Store
    what: What
    why: str = ""


def trust(store: Store, certificate: x509.Certificate, ledger: Ledger, *, dry: bool = False) -> Told:
    """Never changes a store that has it already."""
    if store.lacks:
        return Told(store, "failed", store.lacks)
    try:
        if store.holds(certificate):
            return Told(store, "there already")
        if dry:
            return Told(store, "to add")
        _add(store, certificate, ledger)
    except (TrustError, OSError) as fault:
        return Told(store, "failed", _reason(fault))
    return Told(store, "added")


def untrust(entry: Entry, ledger: Ledger, *, dry: bool = False) -> Told:
    store = entry.store
    if dry:
        return Told(store, "to remove")
    try:
        what: What = "put back" if _put_back(entry) else "removed"
        if what == "removed":
            _remove(entry)
        copies.forget(store.files, entry.mark)
    except (TrustError, OSError) as fault:
        return Told(store, "failed", _reason(fault))
    ledger.drop(entry)
    return Told(store, what)


def holding(stores: Iterable[Store], certificate: x509.Certificate) -> Iterator[tuple[Store, bool | str]]:
    """Whether each has it, or why that cannot be told."""
    for store in stores:
        try:
            yield store, store.lacks or store.holds(certificate)
        except TrustError as fault:
            yield store, _reason(fault)


def name_for(certificate: x509.Certificate) -> str:
    """Under which name a store has it: no two certificates have the same."""
    return f"{name_of(certificate)} {fingerprint(certificate)[:11].replace(':', '').lower()}"


def _add(store: Store, certificate: x509.Certificate, ledger: Ledger) -> None:
    command = store.command if isinstance(store, Anchors) else ()
    before = copies.digests(store.files)
    entry = Entry(
        store.kind, store.label, str(store.path), command, name_for(certificate), fingerprint(certificate),
        before, _missing(store),
    )  # fmt: skip
    copies.copy_aside(store.files, entry.mark)
    ledger.begin(entry)
    try:
        store.add(certificate, entry.name)
        if not store.holds(certificate):
            raise TrustError("it was added, and is not trusted")
    except (TrustError, OSError):
        ledger.finish(entry, copies.digests(store.files))
        untrust(ledger.entries[-1], ledger)
        raise
    ledger.finish(entry, copies.digests(store.files))


def _put_back(entry: Entry) -> bool:
    """Whether that could be done."""
    files = entry.store.files
    if not files or copies.in_use(files):
        return False
    if copies.digests(files) != entry.after:
        return False
    if not copies.put_back(files, entry.mark, entry.before):
        return False
    for folder in reversed(entry.made):
        with suppress(OSError):  # Somebody else has put something there.
            Path(folder).rmdir()
    return True


def _remove(entry: Entry) -> None:
    """That it is gone already is what was wanted."""
    store = entry.store
    if store.files and not store.files[0].exists():
        return
    try:
        store.remove(entry.name)
    except TrustError as fault:
        words = str(fault)
        if not any(each in words for each in ("PR_FILE_NOT_FOUND", "could not find", "does not exist")):
            raise


def _missing(store: Store) -> tuple[str, ...]:
    """Folders that would have to be made."""
    missing = [each for each in (store.path, *store.path.parents) if not each.exists()] if store.kind == "nss" else []
    return tuple(str(each) for each in reversed(missing))


def _reason(fault: Exception) -> str:
    words = fault.strerror or str(fault) if isinstance(fault, OSError) else str(fault)
    if "SEC_ERROR_BAD_PASSWORD" in words:
        return "it is protected by a password; import the certificate in the browser's settings"
    return words
