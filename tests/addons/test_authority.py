import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import DNSName, load_pem_x509_certificate

from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from forward_proxy.errors import SettingsError, StartError

KEY_NAME = "forward-proxy-ca.key"


def test_it_is_made_once_and_then_kept(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    first = open_authority(folder).default_ca.to_pem()
    assert open_authority(folder).default_ca.to_pem() == first == (folder / CERTIFICATE_NAME).read_bytes()


def test_the_key_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        open_authority(tmp_path / "ca")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "ca" / KEY_NAME).stat().st_mode) == 0o600


def test_the_certificate_people_get_holds_no_key(tmp_path: Path) -> None:
    open_authority(tmp_path)
    assert b"PRIVATE" not in (tmp_path / CERTIFICATE_NAME).read_bytes()


def test_it_is_ecdsa_p256_and_its_leaves_verify(tmp_path: Path) -> None:
    store = open_authority(tmp_path)
    authority = load_pem_x509_certificate((tmp_path / CERTIFICATE_NAME).read_bytes())
    leaf = store.get_cert("site.test", [DNSName("site.test")]).cert.to_cryptography()
    key = authority.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    leaf.verify_directly_issued_by(authority)
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days < 398  # Browsers refuse longer lives.


def damage_open_key(folder: Path) -> None:
    (folder / KEY_NAME).chmod(0o644)


def damage_garbage(folder: Path) -> None:
    (folder / KEY_NAME).write_text("nothing")


def damage_missing(folder: Path) -> None:
    (folder / CERTIFICATE_NAME).unlink()


def damage_other(folder: Path) -> None:
    open_authority(folder / "other")
    (folder / "other" / CERTIFICATE_NAME).replace(folder / CERTIFICATE_NAME)


@pytest.mark.parametrize("damage", [damage_open_key, damage_garbage, damage_missing, damage_other])
def test_what_is_wrong_with_it_is_said_and_nothing_is_overwritten(tmp_path: Path, damage: object) -> None:
    open_authority(tmp_path)
    assert callable(damage)
    damage(tmp_path)
    before = (tmp_path / KEY_NAME).read_bytes()
    with pytest.raises((SettingsError, StartError), match=str(tmp_path)):
        open_authority(tmp_path)
    assert (tmp_path / KEY_NAME).read_bytes() == before
