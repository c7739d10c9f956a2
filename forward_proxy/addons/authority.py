"""The authority as mitmproxy wants it: a store of leaf certificates, kept in memory and made anew each day."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from mitmproxy.certs import Cert, CertStore, CertStoreEntry

from forward_proxy.authority import files
from forward_proxy.authority.files import CERTIFICATE_NAME
from forward_proxy.authority.leaves import KEPT_S, Leaves
from forward_proxy.authority.model import Authority
from forward_proxy.errors import StartError

__all__ = ["CERTIFICATE_NAME", "LeafStore", "open_authority"]

_MOST_LEAVES = 1024


def open_authority(folder: Path) -> "LeafStore":
    """The store that signs by the authority of this folder, a new one if it has none; raises as `files.own` does."""
    return LeafStore(files.own(folder, files.utc_now()), folder)


class LeafStore(CertStore):
    """Leaf certificates of an authority; `folder` gets the files that OpenSSL wants to read.  Raises StartError."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self._leaves = Leaves(authority)
        self._kept: dict[tuple[x509.GeneralName, ...], tuple[float, CertStoreEntry]] = {}
        chain_file = folder / "chain.pem" if authority.sent else None
        try:
            if chain_file is not None:
                chain_file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in authority.sent))
            dh_parameters = CertStore.load_dhparam(folder / "dhparam.pem")
        except OSError as fault:
            raise StartError(f"{folder}: cannot be written to: {fault.strerror}") from fault
        # Nobody is told where there would be a list of revoked certificates.
        super().__init__(authority.key, Cert(authority.certificate), chain_file, b"", dh_parameters)

    def get_cert(
        self,
        commonname: str | None,
        sans: Iterable[x509.GeneralName],
        organization: str | None = None,
        crl_url: str | None = None,
    ) -> CertStoreEntry:
        """The certificate for these names; the others are for proxies that imitate the origin's."""
        names, now = tuple(sans), time.time()
        made_at, entry = self._kept.get(names, (0.0, None))
        if entry is None or not made_at <= now < made_at + KEPT_S:
            if len(self._kept) >= _MOST_LEAVES:
                del self._kept[next(iter(self._kept))]
            certificate = Cert(self._leaves.certificate(names, datetime.fromtimestamp(now, UTC)))
            entry = CertStoreEntry(certificate, self._leaves.key, self.default_chain_file, self.default_chain_certs)
            self._kept[names] = now, entry
        return entry

    def pem(self, names: tuple[str, ...]) -> bytes:
        """Certificate, chain and key for these names or addresses, the first of them first."""
        return self._leaves.pem(names, files.utc_now())
