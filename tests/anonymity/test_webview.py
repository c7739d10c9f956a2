import pytest

from forward_proxy.anonymity.webview import no_package_name, scripts_only
from tests.anonymity.exchanges import exchange


@pytest.mark.parametrize(
    ("value", "at_standard", "at_strict"),
    [
        (b"XMLHttpRequest", True, True),
        (b"xmlhttprequest ", True, True),
        (b"com.example.reader", False, False),
        (b"org.mozilla.firefox_beta", False, False),
        (b"fetch", True, False),
        (b"OnlineShop 2", True, False),
        (b"\xff", True, False),
        (b"", True, False),
    ],
)
def test_a_script_keeps_its_mark_and_an_application_loses_its_name(
    value: bytes, at_standard: bool, at_strict: bool
) -> None:
    assert no_package_name(exchange(), (value,)) == ((value,) if at_standard else ())
    assert scripts_only(exchange(), (value,)) == ((value,) if at_strict else ())
