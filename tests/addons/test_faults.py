import pytest

from forward_proxy.addons.faults import Fault, fault_of


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("connection_refused: Connection refused", Fault("connection_refused", "Connection refused")),
        ("connection_timeout: x did not answer", Fault("connection_timeout", "x did not answer", 504)),
        ("dns_error: x.test: unknown", Fault("dns_error", "x.test: unknown")),
        (
            "destination_ip_prohibited: 10.0.0.1 is private",
            Fault("destination_ip_prohibited", "10.0.0.1 is private", 403),
        ),
        ("proxy_loop_detected: itself", Fault("proxy_loop_detected", "itself", 508)),
        ("server closed connection", Fault("connection_terminated", "server closed connection")),
        ("Client disconnected.", Fault("connection_terminated", "the client went away", client_left=True)),
    ],
)
def test_a_fault_has_its_word_of_rfc9209_2_3(message: str, fault: Fault) -> None:
    assert fault_of(message) == fault


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Certificate verify failed: self-signed certificate", "tls_certificate_error"),
        ("The remote server does not speak TLS.", "tls_protocol_error"),
        (
            "HTTP/1 protocol error: peer closed connection without sending complete message body",
            "http_response_incomplete",
        ),
        ("Cannot parse HTTP response: x", "http_protocol_error"),
        ("unexpected server response: b'x'", "http_protocol_error"),
        ("something nobody has seen", "destination_unavailable"),
        ("", "destination_unavailable"),
        ("not_a_word: text", "destination_unavailable"),
    ],
)
def test_what_mitmproxy_says_has_a_word_too(message: str, error: str) -> None:
    assert fault_of(message).error == error
