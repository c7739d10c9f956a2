import pytest
from mitmproxy import http

from forward_proxy.addons import heads
from forward_proxy.message.fields import Edits
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

Lines = tuple[tuple[bytes, bytes], ...]


def asked(authority: bytes = b"", path: bytes = b"/", fields: Lines = (), host: str = "a.example") -> http.Request:
    headers = http.Headers(fields)
    return http.Request(host, 80, b"GET", b"http", authority, path, b"HTTP/1.1", headers, b"", None, 0, 0)


def answered(status: int = 200, version: bytes = b"HTTP/1.1", fields: Lines = ()) -> http.Response:
    return http.Response(version, status, b"", http.Headers(fields), b"", None, 0, 0)


def target(url: str) -> TargetUri:
    parsed = parse_target_uri(url)
    assert isinstance(parsed, TargetUri)
    return parsed


class TestRequestHead:
    def test_outside_a_tunnel_the_absolute_form_names_the_target_rfc9112_3_2_2(self) -> None:
        head = heads.request_head(asked(fields=((b"Host", b"b.example"),)), None)
        assert isinstance(head, RequestHead)
        assert str(head.target) == "http://a.example/"

    def test_inside_a_tunnel_host_names_the_target_rfc9110_7_1(self) -> None:
        head = heads.request_head(asked(fields=((b"Host", b"B.example:8443"),)), ("a.example", 443))
        assert isinstance(head, RequestHead)
        assert (head.target.host, head.target.port) == ("b.example", 8443)

    def test_inside_a_tunnel_the_authority_stands_in_for_a_missing_host(self) -> None:
        head = heads.request_head(asked(), ("a.example", 8443))
        assert isinstance(head, RequestHead)
        assert (head.target.host, head.target.port) == ("a.example", 8443)

    @pytest.mark.parametrize(
        "request_",
        [
            asked(fields=((b"Host", b"a.example"), (b"host", b"b.example"))),
            asked(host="a b"),
            asked(path=b"no-slash"),
        ],
        ids=["two-hosts", "no-host", "no-path"],
    )
    def test_what_names_no_one_target_is_malformed(self, request_: http.Request) -> None:
        assert isinstance(heads.request_head(request_, None), Malformed)


class TestOutbound:
    def test_fields_keep_order_and_spelling_and_an_edited_one_its_place(self) -> None:
        lines = ((b"hOsT", b"b.example"), (b"User-agent", b"x"), (b"X-Gone", b"1"), (b"ACCEPT", b"*/*"))
        edits = Edits(((b"user-agent", b"y"), (b"sec-gpc", b"1")), frozenset((b"x-gone",)))
        sent = heads.outbound(asked(fields=lines), edits, target("http://a.example/"))
        assert sent.headers.fields == (
            (b"hOsT", b"a.example"), (b"User-agent", b"y"), (b"ACCEPT", b"*/*"), (b"Sec-GPC", b"1"),
        )  # fmt: skip

    def test_the_client_s_own_request_is_left_as_it_was(self) -> None:
        mine = asked(fields=((b"Host", b"a.example"), (b"Connection", b"close")))
        heads.outbound(mine, Edits(drop=frozenset((b"connection",))), target("http://a.example/"))
        assert "connection" in mine.headers

    def test_the_version_is_ours_rfc9110_2_5(self) -> None:
        old = asked()
        old.http_version = "HTTP/1.0"
        assert heads.outbound(old, Edits(), target("http://a.example/")).http_version == "HTTP/1.1"


class TestRelayed:
    def test_an_old_client_gets_no_chunks_rfc9112_6_1(self) -> None:
        chunked = answered(fields=((b"Transfer-Encoding", b"chunked"),))
        assert "transfer-encoding" not in heads.relayed(chunked, Edits(), "HTTP/1.0").headers
        assert "transfer-encoding" in heads.relayed(chunked, Edits(), "HTTP/1.1").headers

    def test_names_added_for_http2_are_in_lower_case_rfc9113_8_2(self) -> None:
        sent = heads.relayed(answered(), Edits(((b"cache-status", b"x"),)), "HTTP/2.0")
        assert sent.headers.fields == ((b"cache-status", b"x"),)


@pytest.mark.parametrize(
    ("response", "delimited"),
    [
        (answered(fields=((b"Content-Length", b"3"),)), True),
        (answered(fields=((b"Transfer-Encoding", b"chunked"),)), True),
        (answered(version=b"HTTP/2.0"), True),
        (answered(204), True),
        (answered(), False),
        (answered(fields=((b"Transfer-Encoding", b"identity"),)), False),
    ],
    ids=["length", "chunks", "http2", "none", "closed", "identity"],
)
def test_content_that_ends_with_the_connection_is_told_rfc9112_6_3(response: http.Response, delimited: bool) -> None:
    assert heads.response_head(response).delimited is delimited


@pytest.mark.parametrize("value", [b"gzip, chunked", b"gzip", b"Chunked, x-other"])
def test_content_in_a_transfer_coding_that_was_not_asked_for_is_refused_rfc9112_7_4(value: bytes) -> None:
    head = heads.response_head(answered(fields=((b"Transfer-Encoding", value),)))
    assert isinstance(head, Malformed)
    assert "transfer coding" in head.reason
