import pytest

from forward_proxy.message.alerts import refusal_in


@pytest.mark.parametrize(
    ("text", "alert"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", "unknown_ca"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "bad_certificate"),
        ("SSL/TLS_ALERT_BAD_CERTIFICATE", "bad_certificate"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "certificate_unknown"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "certificate_expired"),
        ("tlsv1 alert unknown ca", "unknown_ca"),
        ("OpenSSL Error([('SSL routines', '', 'ssl/tls alert certificate unknown')])", "certificate_unknown"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", None),
        ("TLSV1_ALERT_PROTOCOL_VERSION", None),
        ("NO_SHARED_CIPHER", None),
        ("certificate verify failed", None),
        ("", None),
    ],
)
def test_an_alert_that_refuses_a_certificate_is_told_from_others(text: str, alert: str | None) -> None:
    assert refusal_in(text) == alert
