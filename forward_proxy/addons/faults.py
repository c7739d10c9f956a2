"""What went wrong, in the words of RFC 9209 §2.3: mitmproxy and the Dialer tell it as text."""

from dataclasses import dataclass

_STATUS = {
    "connection_timeout": 504,
    "dns_timeout": 504,
    "destination_ip_prohibited": 403,
    "proxy_loop_detected": 508,
    "proxy_internal_error": 500,
    "proxy_configuration_error": 500,
    "proxy_internal_response": 403,
    "http_request_error": 400,
}
_OURS = frozenset(
    (
        "dns_timeout", "dns_error", "destination_unavailable", "destination_ip_prohibited",
        "destination_ip_unroutable", "connection_refused", "connection_timeout", "proxy_loop_detected",
        "proxy_internal_error", "proxy_configuration_error", "proxy_internal_response", "connection_terminated",
        "http_protocol_error",
        "http_response_header_section_size",
    )
)  # fmt: skip
# What mitmproxy says, and the type that means it; the first that occurs in the text decides.
_MITMPROXY = (
    ("killed", "proxy_internal_error"),  # By us, when a hook had failed.
    ("certificate verify failed", "tls_certificate_error"),
    ("tls", "tls_protocol_error"),
    ("invalid response", "http_protocol_error"),
    ("response head is longer", "http_response_header_section_size"),
    ("retry:", "connection_terminated"),
    ("origin reset the stream", "http_protocol_error"),
    ("incomplete", "http_response_incomplete"),
    ("peer closed connection", "http_response_incomplete"),
    ("server closed connection", "connection_terminated"),
    ("connection closed", "connection_terminated"),
    ("unexpected server response", "http_protocol_error"),
    ("cannot parse http response", "http_protocol_error"),
    ("protocol error", "http_protocol_error"),
    ("transfer-encoding", "http_response_transfer_coding"),
    ("from server", "http_protocol_error"),
    ("from client", "http_request_error"),
)
_CLIENT_LEFT = ("client disconnected", "stream reset by client")


@dataclass(frozen=True, slots=True)
class Fault:
    """An error type, the words behind it, and the status that tells a client; `client_left` when nobody listens."""

    error: str
    detail: str
    status: int = 502
    client_left: bool = False


def status_of(error: str) -> int:
    """The status that tells a client of this error type."""
    return _STATUS.get(error, 502)


def fault_of(message: str) -> Fault:
    """What a mitmproxy error text means.  Never raises."""
    word, _, detail = message.partition(": ")
    if word in _OURS:
        return Fault(word, detail, status_of(word))
    lowered = message.lower()
    if any(text in lowered for text in _CLIENT_LEFT):
        return Fault("connection_terminated", "the client went away", client_left=True)
    error = next((error for text, error in _MITMPROXY if text in lowered), "destination_unavailable")
    return Fault(error, message, status_of(error))
