"""Between mitmproxy's messages and ours.

Names keep the spelling and order they came in, and an edited field stays where it stood: origins that look at the
order of fields see what the browser sent.
"""

import re

from mitmproxy import http

from forward_proxy.addons.messages import Headers, response_of, section_of, twin
from forward_proxy.message.fields import Edits, FieldLine, FieldSection, is_token, list_members
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.targets import Malformed, TargetUri, parse_authority, target_uri
from forward_proxy.message.writing import titled


def request_head(
    request: http.Request, connect: tuple[str, int] | None, *, origin_form: bool = False
) -> RequestHead | Malformed:
    """The request as the policy sees it; `connect` is host and port of the tunnel it came in, if any.

    Inside a tunnel the target is what Host or :authority says (RFC 9110 §7.1); outside, the absolute form's
    authority, whatever Host says (RFC 9112 §3.2.2).
    """
    fields = section_of(request)
    method = request.data.method.decode("latin-1")
    if reason := _bad_method(request.data.method) or _bad_values(fields):
        return Malformed(reason)
    if len(fields.get_all(b"host")) > 1:
        return Malformed("more than one Host field")
    if connect is None:
        target = target_uri(request.scheme, request.data.host, request.port, request.path)
    else:
        named = request.authority or fields.text(b"host")
        parts = parse_authority(named) if named else connect
        if parts is None:
            return Malformed("Host is not a host and port")
        target = target_uri(request.scheme, *parts, request.path)
    if isinstance(target, Malformed):
        return target
    has_content = b"transfer-encoding" in fields or fields.get(b"content-length") not in (None, b"0")
    return RequestHead(method, target, fields, has_content, direct=origin_form and connect is None)


def host_field(request: http.Request) -> tuple[str, int | None] | None:
    """Host and port that the Host field names, for judging; None when there is none."""
    return parse_authority(request.headers.get("host", ""))


def response_head(response: http.Response) -> ResponseHead | Malformed:
    """The response as the policy sees it, folded lines unfolded in the message itself (RFC 9112 §5.2)."""
    headers = response.headers
    if b"\n" in b"".join([value for _, value in headers.fields]):
        response.headers = Headers.of([(name, _FOLD.sub(b" ", value)) for name, value in headers.fields])
    fields = section_of(response)
    if reason := _bad_values(fields) or _bad_codings(fields):
        return Malformed(reason)
    framed = b"content-length" in fields or "chunked" in fields.text(b"transfer-encoding").lower()
    delimited = framed or response.is_http2 or response.status_code in _WITHOUT_CONTENT
    return ResponseHead(response.status_code, fields, delimited)


def outbound(request: http.Request, edits: Edits, target: TargetUri) -> http.Request:
    """A copy to send on, so that the client's own stays as it was for framing and closing its connection."""
    sent = twin(request)
    # What was judged, and is the key, is what is sent (RFC 3986 §6.2.2): no second spelling reaches the origin.
    sent.data.path = target.path_and_query.encode("ascii")
    if not request.is_http2:
        edits |= Edits(((b"host", target.authority.encode("ascii")),))
        if request.http_version == "HTTP/1.0":
            edits |= Edits(drop=frozenset((b"expect",)))  # RFC 9110 §10.1.1: such a client knows no 100 (Continue).
        sent.http_version = "HTTP/1.1"
    sent.headers = _edited(request.headers, edits, request.is_http2)
    return sent


def relayed(response: http.Response, edits: Edits, client_version: str) -> http.Response:
    """A copy of an origin's response to send to the client."""
    sent = twin(response)
    sent.headers = _edited(response.headers, edits, client_version.startswith("HTTP/2"))
    if not response.is_http2:
        sent.http_version = "HTTP/1.1"
    if client_version == "HTTP/1.0":
        # Such a client cannot read chunks (RFC 9112 §6.1): the content ends with the connection.
        sent.headers.pop("transfer-encoding", None)
    return sent


def own_response(status: int, reason: str, fields: FieldSection, content: bytes = b"") -> http.Response:
    headers = Headers.of([(titled(name), value) for name, value in fields])
    return response_of(b"HTTP/1.1", status, reason.encode("latin-1"), headers, content)


def _bad_method(method: bytes) -> str:
    """RFC 9110 §9.1: a token, and case-sensitive; mitmproxy frames messages by the method in any case."""
    if not is_token(method):
        return "method is not a token"
    return "method is in the wrong case" if method not in _METHODS and method.upper() in _METHODS else ""


def _bad_values(fields: FieldSection) -> str:
    """RFC 9110 §5.5: octets that end a line, or a string, for some reader on the way."""
    if not _ENDS.search(b"".join([value for _, value in fields])):
        return ""
    name = next(name for name, value in fields if _ENDS.search(value))
    return f"CR, LF or NUL in the value of {name.decode('latin-1')}"


def _bad_codings(fields: FieldSection) -> str:
    """RFC 9112 §7.4: no TE was sent, so nothing but chunks may come; what is stored or goes on by HTTP/2 would be coded
    without anybody being told."""
    codings = list_members(fields.get(b"transfer-encoding") or b"")
    other = next((coding for coding in codings if coding.lower() not in (b"chunked", b"identity")), b"")
    return f"transfer coding {other[:50].decode('latin-1')}, which was not asked for" if other else ""


_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"))
_ENDS = re.compile(rb"[\0\r\n]")
_FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")
_WITHOUT_CONTENT = (101, 204, 304)


def _edited(headers: http.Headers, edits: Edits, lower_case: bool) -> Headers:
    if not edits:
        return Headers.of(headers.fields)
    pending: dict[bytes, list[bytes]] = {}
    for name, value in edits.set:
        pending.setdefault(name, []).append(value)
    gone = edits.drop.union(pending)
    lines: list[FieldLine] = []
    for line in headers.fields:
        name = line[0]
        if (lower := name.lower()) not in gone:
            lines.append(line)
        elif lower in pending:
            lines += [(name, new) for new in pending.pop(lower)]
    lines += [(name if lower_case else titled(name), new) for name, values in pending.items() for new in values]
    return Headers.of(lines)
