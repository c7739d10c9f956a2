from pathlib import Path

from forward_proxy.launching.environment import ADDED, PROXIES, REPLACED, bundle_of, variables

CA, BUNDLE = Path("/state/ca.pem"), Path("/state/bundle.pem")
TOLD = variables("http://127.0.0.1:8080", CA, BUNDLE)


def _pem(content: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----"


def test_the_proxy_is_told_in_both_cases() -> None:
    for name in PROXIES:
        assert TOLD[name] == TOLD[name.upper()] == "http://127.0.0.1:8080"


def test_what_stays_on_this_machine_goes_past_the_proxy() -> None:
    assert TOLD["no_proxy"] == TOLD["NO_PROXY"] == "localhost,127.0.0.1,::1"


def test_what_adds_gets_the_ca_and_what_replaces_the_bundle() -> None:
    assert {TOLD[name] for name in ADDED} == {str(CA)}
    assert {TOLD[name] for name in REPLACED} == {str(BUNDLE)}


def test_without_inspection_nobody_is_told_whom_to_trust() -> None:
    assert set(TOLD) - set(variables("http://127.0.0.1:8080", None, None)) == {*ADDED, *REPLACED}


def test_a_bundle_has_every_certificate_once_and_nothing_else() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"
    bundle = bundle_of((f"# Root\n{_pem('a')}\n{_pem('b')}", f"{_pem('b')}\n{key}\n{_pem('c')}", "no certificate"))
    assert bundle == f"{_pem('a')}\n{_pem('b')}\n{_pem('c')}\n"
