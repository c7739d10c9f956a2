import json
import ssl
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from forward_proxy.addons.authority import CERTIFICATE_NAME, open_authority
from forward_proxy.cli import main

from ..authority.making import ca


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any browser."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder as the first run leaves it."""
    open_authority(tmp_path / "ca")
    return tmp_path


def _run(*arguments: str) -> tuple[int, bytes, str]:
    result = CliRunner().invoke(main, ["ca", *arguments])
    return result.exit_code, result.stdout_bytes, result.stderr


def test_path_is_printed_before_there_is_a_certificate_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "ca" / CERTIFICATE_NAME
    assert _run("path", "--state", str(tmp_path)) == (0, f"{path}\n".encode(), "")
    assert list(tmp_path.iterdir()) == []


def test_export_without_a_certificate_says_how_to_get_one(tmp_path: Path) -> None:
    exit_code, out, err = _run("export", "--state", str(tmp_path))
    assert (exit_code, out) == (1, b"")
    assert err == (
        f"{tmp_path / 'ca' / CERTIFICATE_NAME}: there is no certificate yet; the first `forward-proxy run` makes it\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_pem_and_der_are_one_certificate(state: Path) -> None:
    _, pem, _ = _run("export", "--state", str(state))
    _, der, _ = _run("export", "--state", str(state), "--format", "der")
    assert pem == (state / "ca" / CERTIFICATE_NAME).read_bytes()
    assert ssl.PEM_cert_to_DER_cert(pem.decode()) == der


def test_a_key_beside_the_certificate_is_never_exported(tmp_path: Path) -> None:
    authority = trustme.CA()
    (tmp_path / "ca").mkdir()
    both = authority.private_key_pem.bytes() + authority.cert_pem.bytes()
    (tmp_path / "ca" / CERTIFICATE_NAME).write_bytes(both)
    exit_code, out, _ = _run("export", "--state", str(tmp_path))
    assert (exit_code, out) == (0, authority.cert_pem.bytes())


def test_output_goes_to_the_file_and_stdout_stays_empty(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "proxy.crt"
    assert _run("export", "--state", str(state), "--format", "der", "--output", str(file)) == (0, b"", "")
    assert file.read_bytes() == ssl.PEM_cert_to_DER_cert((state / "ca" / CERTIFICATE_NAME).read_text())


def test_what_cannot_be_read_or_written_is_one_message_and_1(state: Path, tmp_path: Path) -> None:
    assert _run("export", "--state", str(state), "--output", str(tmp_path)) == (
        1, b"", f"{tmp_path}: the certificate cannot be written: Is a directory\n",
    )  # fmt: skip
    certificate = state / "ca" / CERTIFICATE_NAME
    certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert _run("export", "--state", str(state)) == (1, b"", f"{certificate}: this is not a PEM certificate\n")


def test_show_tells_of_every_certificate_and_rotate_replaces_ours(state: Path) -> None:
    before = json.loads(_run("show", "--state", str(state), "--json")[1])
    assert [before["chain"][0]["key"], before["former"]] == ["ECDSA secp256r1", []]
    exit_code, out, err = _run("rotate", "--state", str(state))
    assert (exit_code, err) == (0, "")
    after = json.loads(_run("show", "--state", str(state), "--json")[1])
    assert after["former"][0]["sha256"] == before["chain"][0]["sha256"] != after["chain"][0]["sha256"]
    assert after["chain"][0]["sha256"] in out.decode()
    assert after["former"][0]["sha256"] in _run("show", "--state", str(state))[1].decode()


def test_a_given_ca_is_shown_and_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates, key = ca("Below", ca("Root")).written(tmp_path / "given")
    monkeypatch.setenv("FORWARD_PROXY_CA_CERTIFICATE", str(certificates))
    monkeypatch.setenv("FORWARD_PROXY_CA_KEY", str(key))
    shown = json.loads(_run("show", "--state", str(tmp_path), "--json")[1])
    assert [each["name"] for each in shown["chain"]] == ["Below", "Root"]
    _, exported, _ = _run("export", "--state", str(tmp_path))
    assert exported == load_pem_x509_certificates(certificates.read_bytes())[-1].public_bytes(Encoding.PEM)
    exit_code, _, err = _run("rotate", "--state", str(tmp_path))
    assert exit_code == 1
    assert err.startswith("ca.certificate (FORWARD_PROXY_CA_CERTIFICATE): this CA was given")
    assert not (tmp_path / "ca").exists()


def test_half_a_ca_is_not_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARD_PROXY_CA_KEY", str(tmp_path / "ca.key"))
    exit_code, _, err = _run("path", "--state", str(tmp_path))
    assert (exit_code, err) == (
        2, "FORWARD_PROXY_CA_KEY: a CA is given by two files; expected ca.certificate, too\n",
    )  # fmt: skip


def test_show_without_a_certificate_says_how_to_get_one(tmp_path: Path) -> None:
    assert _run("show", "--state", str(tmp_path))[0] == 1
    assert list(tmp_path.iterdir()) == []
