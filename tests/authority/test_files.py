"""What is on disk: made once, private, replaced as a whole, given ones untouched."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.authority.files import CERTIFICATE_NAME, KEY_NAME, LIFE, former, given, own, rotate
from forward_proxy.errors import SettingsError, StartError

from .making import DAY, NOW, ca, pem_of


def test_rotation_makes_another_and_keeps_the_old_certificate_without_its_key(tmp_path: Path) -> None:
    old = own(tmp_path, NOW)
    old_key = (tmp_path / KEY_NAME).read_bytes()
    new = rotate(tmp_path, NOW + DAY)
    assert own(tmp_path, NOW + DAY).chain == (new,)
    assert new != old.certificate
    assert former(tmp_path) == old.chain
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert old_key not in kept
    assert sum(b"PRIVATE" in each for each in kept) == 1
    assert stat.S_IMODE((tmp_path / KEY_NAME).stat().st_mode) == 0o600


def test_every_former_one_is_kept_the_latest_first(tmp_path: Path) -> None:
    made = [own(tmp_path, NOW).certificate, *(rotate(tmp_path, NOW + n * DAY) for n in (1, 2, 3))]
    assert former(tmp_path) == tuple(reversed(made[:-1]))


def test_rotation_replaces_what_is_expired_or_damaged(tmp_path: Path) -> None:
    own(tmp_path, NOW)
    late = NOW + LIFE
    with pytest.raises(SettingsError, match=r"expired on 2036-11-20; .*forward-proxy ca rotate"):
        own(tmp_path, late)
    rotate(tmp_path, late)
    own(tmp_path, late)
    (tmp_path / CERTIFICATE_NAME).write_text("nothing")
    with pytest.raises(SettingsError, match="damaged"):
        own(tmp_path, late)
    rotate(tmp_path, late)
    own(tmp_path, late)


@pytest.mark.parametrize("renamed", [(), (KEY_NAME,), (KEY_NAME, CERTIFICATE_NAME)])
@pytest.mark.parametrize("first", [True, False])
def test_who_dies_while_replacing_leaves_a_pair(tmp_path: Path, renamed: tuple[str, ...], first: bool) -> None:
    if not first:
        own(tmp_path / "ca", NOW)
    (tmp_path / "ca").mkdir(exist_ok=True)
    own(tmp_path / "next", NOW)
    for name in (KEY_NAME, CERTIFICATE_NAME):
        after = name if name in renamed else f"{name}.next"
        (tmp_path / "next" / name).replace(tmp_path / "ca" / after)
    authority = own(tmp_path / "ca", NOW)
    assert authority.key.public_key() == authority.certificate.public_key()
    assert not list((tmp_path / "ca").glob("*.next"))


def test_who_dies_with_the_key_alone_written_has_replaced_nothing(tmp_path: Path) -> None:
    before = own(tmp_path, NOW).chain
    (tmp_path / f"{KEY_NAME}.next").write_bytes(pem_of(ca().key))
    assert own(tmp_path, NOW).chain == before


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("")
    for attempt in (own, rotate):
        with pytest.raises(StartError, match=f"{tmp_path / 'ca'}: the certificate authority cannot be"):
            attempt(tmp_path / "ca", NOW)


class TestGiven:
    def test_it_is_read_where_it_is(self, tmp_path: Path) -> None:
        made = ca("Below", ca("Root"))
        certificates, key = made.written(tmp_path)
        before = {file: file.read_bytes() for file in tmp_path.iterdir()}
        authority = given(certificates, key, NOW)
        assert authority.chain == made.chain
        assert authority.sent == made.chain[:1]
        assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before

    def test_what_is_wrong_names_the_file(self, tmp_path: Path) -> None:
        certificates, key = ca(is_ca=False).written(tmp_path)
        with pytest.raises(SettingsError, match=f"^{certificates}: the certificate is not of a CA"):
            given(certificates, key, NOW)

    def test_a_key_that_others_may_read_is_refused(self, tmp_path: Path) -> None:
        certificates, key = ca().written(tmp_path)
        key.chmod(0o640)
        with pytest.raises(SettingsError, match=f"{key}: the key is readable by others; run: chmod 600 {key}"):
            given(certificates, key, NOW)

    def test_an_encrypted_key_is_refused(self, tmp_path: Path) -> None:
        made = ca()
        certificates, key = made.written(tmp_path)
        key.write_bytes(pem_of(made.key, b"secret"))
        with pytest.raises(SettingsError, match=f"{key}: the key is encrypted"):
            given(certificates, key, NOW)

    @pytest.mark.parametrize(
        "octets", [b"", b"nothing", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
    )
    def test_what_is_no_key_is_refused(self, tmp_path: Path, octets: bytes) -> None:
        certificates, key = ca().written(tmp_path)
        key.write_bytes(octets)
        with pytest.raises(SettingsError, match=f"{key}: expected a private key in PEM"):
            given(certificates, key, NOW)

    @pytest.mark.parametrize("octets", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
    def test_what_is_no_certificate_is_refused(self, tmp_path: Path, octets: bytes) -> None:
        certificates, key = ca().written(tmp_path)
        certificates.write_bytes(octets)
        with pytest.raises(SettingsError, match=f"{certificates}: expected certificates in PEM"):
            given(certificates, key, NOW)

    def test_missing_files_are_named(self, tmp_path: Path) -> None:
        certificates, key = ca().written(tmp_path)
        key.unlink()
        with pytest.raises(SettingsError, match=f"{key}: the key cannot be read: No such file"):
            given(certificates, key, NOW)
        certificates.unlink()
        with pytest.raises(SettingsError, match=f"{certificates}: the certificate cannot be read: No such file"):
            given(certificates, key, NOW)

    def test_key_and_certificate_may_stand_in_one_file(self, tmp_path: Path) -> None:
        made = ca()
        both = tmp_path / "both.pem"
        both.touch(mode=0o600)
        both.write_bytes(pem_of(made.key) + made.certificate.public_bytes(Encoding.PEM))
        assert given(both, both, NOW).chain == made.chain
