"""Is what is wrong with variables noticed, and no password repeated?"""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.diagnosis.findings import Finding, Level, exit_code
from forward_proxy.diagnosis.variables import variables
from forward_proxy.launching.environment import variables as set_by_env

from ..authority.making import ca

OURS = (("127.0.0.1", 8080),)
HERE = "http://127.0.0.1:8080"
CA, OTHER = ca("Ours").certificate, ca("Other").certificate


def judged(**environ: str) -> list[Finding]:
    return list(variables(environ, OURS, CA))


def told(level: Level, **environ: str) -> list[str]:
    return [finding.text for finding in judged(**environ) if finding.level is level]


def pem(folder: Path, *certificates: object) -> str:
    file = folder / "bundle.pem"
    file.write_bytes(b"# roots\n" + b"".join(each.public_bytes(Encoding.PEM) for each in certificates))  # type: ignore[attr-defined]
    return str(file)


def test_what_env_sets_is_in_order(tmp_path: Path) -> None:
    bundle = pem(tmp_path, OTHER, CA)
    found = list(variables(set_by_env(HERE, Path(bundle), Path(bundle)), OURS, CA))
    assert found
    assert {finding.level for finding in found} == {Level.OK}
    assert exit_code(found) == 0


def test_none_is_a_note() -> None:
    (finding,) = judged()
    assert finding.level is Level.NOTE
    assert finding.text.startswith("no proxy variable is set")


@pytest.mark.parametrize("text", ["nonsense://x", "http://", "http://127.0.0.1:port", "http://[::1"])
def test_what_is_no_url_is_told(text: str) -> None:
    assert told(Level.WARNING, http_proxy=text) == ["http_proxy is no URL of a proxy such as http://127.0.0.1:8080"]


def test_another_proxy_is_named_without_its_password() -> None:
    (text,) = told(Level.NOTE, https_proxy="http://me:secret@proxy.example:3128")
    assert text == "https_proxy leads to another proxy, proxy.example:3128"


def test_upper_case_alone_is_not_read_by_curl() -> None:
    assert told(Level.WARNING, HTTP_PROXY=HERE) == ["http_proxy is not set: curl does not read HTTP_PROXY"]
    assert told(Level.WARNING, HTTPS_PROXY=HERE) == []


def test_both_cases_that_disagree_are_told() -> None:
    (text,) = told(Level.WARNING, https_proxy=HERE, HTTPS_PROXY="http://proxy.example:3128")
    assert text.startswith("https_proxy and HTTPS_PROXY lead to different proxies")


def test_localhost_is_this_machine() -> None:
    assert told(Level.OK, http_proxy="http://localhost:8080/") == ["http_proxy leads to this proxy"]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = judged(SSL_CERT_FILE=str(tmp_path / "gone.pem"))
    (error,) = (each for each in found if each.level is Level.ERROR)
    assert "No such file" in error.text
    assert error.fix.startswith("unset SSL_CERT_FILE")
    assert exit_code(found) == 2


def test_a_file_without_certificates_is_an_error(tmp_path: Path) -> None:
    (text,) = told(Level.ERROR, GIT_SSL_CAINFO=pem(tmp_path))
    assert "holds no PEM certificate" in text


def test_a_bundle_without_our_ca_matters_only_through_the_proxy(tmp_path: Path) -> None:
    bundle = pem(tmp_path, OTHER)
    (text,) = told(Level.WARNING, http_proxy=HERE, PIP_CERT=bundle)
    assert "does not hold this proxy's CA" in text
    assert told(Level.WARNING, PIP_CERT=bundle) == []


def test_our_ca_alone_is_too_little_where_it_replaces_the_usual_ones(tmp_path: Path) -> None:
    alone = pem(tmp_path, CA)
    (text,) = told(Level.WARNING, http_proxy=HERE, CURL_CA_BUNDLE=alone)
    assert "holds this proxy's CA alone" in text
    assert told(Level.WARNING, http_proxy=HERE, NODE_EXTRA_CA_CERTS=alone) == []


def test_folders_are_not_looked_into(tmp_path: Path) -> None:
    assert "REQUESTS_CA_BUNDLE is a folder, which is not looked into" in told(
        Level.NOTE, REQUESTS_CA_BUNDLE=str(tmp_path)
    )
