import pytest

from forward_proxy.anonymity import Level
from forward_proxy.policy import hops
from tests.policy.building import request, response, section


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({"connection": "close"}, {b"connection"}),
        ({"connection": "X-Hop, close", "x_hop": "1", "x_other": "2"}, {b"connection", b"x-hop"}),
        ({"keep_alive": "timeout=5"}, {b"keep-alive"}),
        ({"proxy_connection": "keep-alive"}, {b"proxy-connection"}),
        ({"te": "gzip"}, {b"te"}),
        ({"upgrade": "h2c", "connection": "upgrade, HTTP2-Settings", "http2_settings": "x"},
         {b"upgrade", b"connection", b"http2-settings"}),
        ({"proxy_authorization": "Basic x"}, {b"proxy-authorization"}),
        ({"accept": "*/*", "cookie": "a=b", "authorization": "x"}, set()),
    ],
)  # fmt: skip
def test_fields_of_one_connection_do_not_go_on_rfc9110_7_6_1(fields: dict[str, str], gone: set[bytes]) -> None:
    head = request("http://example.com/", **fields)
    assert head.fields.names() - head.edited(hops.request_hops(head)).fields.names() == gone


@pytest.mark.parametrize("name", ["host", "content-length", "authorization", "cookie", "cache-control"])
def test_connection_cannot_name_away_what_decides(name: str) -> None:
    head = request("http://example.com/", connection=name, **{name.replace("-", "_"): "1"})
    assert name.encode() in head.edited(hops.request_hops(head)).fields


def test_te_trailers_goes_on_alone() -> None:
    head = request("http://example.com/", te="gzip, Trailers;q=0.5, trailers")
    assert head.edited(hops.request_hops(head)).fields.get_all(b"te") == (b"trailers",)


def test_the_upgrade_to_websocket_goes_on_as_our_own() -> None:
    head = request("http://example.com/", connection="keep-alive, Upgrade", upgrade="WebSocket", keep_alive="x")
    assert head.edited(hops.request_hops(head)).fields == section(connection="Upgrade", upgrade="websocket")
    switched = response(101, connection="upgrade", upgrade="websocket")
    assert b"upgrade" in switched.edited(hops.response_hops(switched)).fields


def test_transfer_encoding_is_the_drivers_who_frames_messages() -> None:
    head = response(200, transfer_encoding="chunked", connection="transfer-encoding")
    assert b"transfer-encoding" in head.edited(hops.response_hops(head)).fields


def test_via_comes_after_the_hops_before_us_and_only_where_the_level_shows_us() -> None:
    head = request("http://example.com/", via="1.0 fred")
    assert head.edited(hops.request_via(head, Level.OFF)).fields.get(b"via") == b"1.0 fred, 1.1 forward-proxy"
    assert not hops.request_via(head, Level.STANDARD)
