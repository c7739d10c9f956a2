"""Which certificate is shown, and what is said of one that cannot be."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key as load_key

from forward_proxy.errors import SettingsError
from forward_proxy.termination.certificates import FromFiles, OfAuthority

AUTHORITY = trustme.CA()


class Files:
    """A chain and its key, as given to the settings."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.key = folder / "proxy.pem", folder / "proxy.key"
        self.write()

    def write(self, leaf: trustme.LeafCert | None = None) -> None:
        leaf = leaf or AUTHORITY.issue_cert("proxy.test")
        self.chain.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
        self.key.write_bytes(leaf.private_key_pem.bytes())
        self.key.chmod(0o600)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def encrypt(files: Files) -> None:
    key = load_key(files.key.read_bytes(), None)
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))


def expire(files: Files) -> None:
    files.write(AUTHORITY.issue_cert("proxy.test", not_after=datetime.now(UTC) - timedelta(days=1)))


def mix(files: Files) -> None:
    files.key.write_bytes(AUTHORITY.issue_cert("other.test").private_key_pem.bytes())


def turn_round(files: Files) -> None:
    files.chain.write_bytes(AUTHORITY.cert_pem.bytes() + files.chain.read_bytes())


FAULTS: list[tuple[Callable[[Files], object], str, str]] = [
    (lambda files: files.chain.unlink(), "chain", "cannot be read: No such file or directory"),
    (lambda files: files.key.unlink(), "key", "cannot be read: No such file or directory"),
    (lambda files: files.key.chmod(0o640), "key", "the key is readable by others; run: chmod 600"),
    (lambda files: files.chain.write_text("hello"), "chain", "expected certificates in PEM"),
    (lambda files: files.chain.write_bytes(b""), "chain", "expected certificates in PEM"),
    (lambda files: files.key.write_text("hello"), "key", "expected a private key in PEM"),
    (encrypt, "key", "the key is encrypted; store it without a passphrase"),
    (mix, "key", "the key does not belong to the first certificate of"),
    (turn_round, "key", "the key does not belong to the first certificate of"),
    (expire, "chain", "the certificate expired on "),
]


@pytest.mark.parametrize(("spoil", "where", "told"), FAULTS, ids=[told for _, _, told in FAULTS])
def test_a_fault_names_the_file_and_the_reason(
    files: Files, caplog: pytest.LogCaptureFixture, spoil: Callable[[Files], object], where: str, told: str
) -> None:
    now = [0.0]
    certificate = FromFiles(files.chain, files.key, lambda: now[0])
    before = certificate.context("127.0.0.1")
    spoil(files)
    with pytest.raises(SettingsError) as caught:
        FromFiles(files.chain, files.key)
    assert str(caught.value).startswith(f"{getattr(files, where)}: {told}")
    for _ in range(3):  # It is said once.
        now[0] += 2
        assert certificate.context("127.0.0.1") is before
    (said,) = caplog.messages
    assert said == f"{caught.value}; the certificate before stays in use"


def test_it_is_looked_at_again_once_a_second_at_most(files: Files) -> None:
    now = [0.0]
    certificate = FromFiles(files.chain, files.key, lambda: now[0])
    before = certificate.context("127.0.0.1")
    files.write()
    assert certificate.context("127.0.0.1") is before
    now[0] += 1
    after = certificate.context("127.0.0.1")
    assert after is not before
    now[0] += 1
    assert certificate.context("127.0.0.1") is after


def test_chain_and_key_may_be_one_file(files: Files) -> None:
    files.key.write_bytes(files.chain.read_bytes() + files.key.read_bytes())
    assert isinstance(FromFiles(files.key, files.key).context("127.0.0.1"), ssl.SSLContext)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("127.0.0.1", ("proxy.lan", "127.0.0.1", "localhost")),
        ("192.0.2.1", ("proxy.lan", "192.0.2.1")),
        ("::1", ("proxy.lan", "::1", "localhost")),
        ("fe80::1%eth0", ("proxy.lan", "fe80::1")),
        ("proxy.lan", ("proxy.lan",)),
    ],
)
def test_a_leaf_is_for_the_names_and_the_address_that_was_connected_to(address: str, names: tuple[str, ...]) -> None:
    asked = []

    def leaf(names: tuple[str, ...]) -> bytes:
        asked.append(names)
        return AUTHORITY.issue_cert("proxy.test").private_key_and_cert_chain_pem.bytes()

    certificate = OfAuthority(leaf, ("proxy.lan",))
    assert certificate.context(address) is certificate.context(address)
    assert asked == [names]
