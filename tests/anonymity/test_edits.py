import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.anonymity import Level, changed, request_edits, response_edits
from forward_proxy.anonymity.requests import REQUEST_ROWS
from forward_proxy.anonymity.responses import RESPONSE_ROWS
from forward_proxy.anonymity.treatment import Row
from forward_proxy.matching.subject import Resource
from forward_proxy.message.fields import NO_EDITS, Edits, FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from tests.anonymity.exchanges import CHROME, FIREFOX, delivered, request, section, sent, subject, words

ABOVE_OFF = [Level.STANDARD, Level.STRICT]

REVEALING = words("""
    Via Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Server
    X-Forwarded-Anything X-Real-IP Client-IP X-Client-IP True-Client-IP CF-Connecting-IP X-ProxyUser-Ip
    Proxy-Connection Proxy-Authorization Proxy-Client-IP Proxy From X-Client-Data X-UIDH Ping-From
    Sec-Browsing-Topics Attribution-Reporting-Eligible Sec-Ad-Auction-Fetch Sec-Shared-Storage-Writable
""")

ASKING_FOR_MORE = words("""
    Accept-CH Critical-CH Alt-Svc NEL Report-To Reporting-Endpoints Expect-CT Public-Key-Pins
    Observe-Browsing-Topics Attribution-Reporting-Register-Source Attribution-Reporting-Register-Trigger
""")

NEEDED = words("""
    Location Refresh SourceMap X-SourceMap Server-Timing Strict-Transport-Security WWW-Authenticate Via Link
    Vary Access-Control-Allow-Credentials Content-Type Cache-Control Set-Login Content-Security-Policy
    Sec-WebSocket-Accept
""")


@pytest.mark.parametrize("level", ABOVE_OFF)
@pytest.mark.parametrize("name", REVEALING)
def test_what_reveals_proxy_or_person_does_not_go_out(level: Level, name: str) -> None:
    assert name.lower().encode() not in sent(level, f"{name}: 203.0.113.7")


@pytest.mark.parametrize("level", ABOVE_OFF)
@pytest.mark.parametrize("name", ASKING_FOR_MORE)
def test_what_asks_for_more_or_leads_away_does_not_come_in(level: Level, name: str) -> None:
    assert name.lower().encode() not in delivered(level, f"{name}: x")


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer eyJ",
        "Origin: https://page.example",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Storage-Access: active",
        "Access-Control-Request-Headers: authorization",
        "X-CSRF-Token: 1",
        "X-Requested-With: XMLHttpRequest",
        'If-Match: "1"',
        'If-Range: "1"',
        "Range: bytes=0-",
        "Last-Event-ID: 7",
        "Accept: text/event-stream",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "TE: trailers",
        "Service-Worker-Navigation-Preload: true",
        "Host: origin.example",
        "Content-Type: application/json",
    ],
)
def test_what_carries_a_sign_in_a_stream_or_a_handshake_goes_out_at_every_level(level: Level, line: str) -> None:
    name, value = next(iter(section(line)))
    for third_party in (True, False, None):
        assert sent(level, line, "fetch", third_party).get(name) == value


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("name", NEEDED)
def test_what_a_page_needs_comes_in_at_every_level(level: Level, name: str) -> None:
    assert delivered(level, f"{name}: </a>; rel=next", "document").names() == {name.lower().encode()}


def test_off_drops_our_password_and_nothing_else() -> None:
    everything = "\n".join(f"{name.replace('*', 'x')}: 1" for row in REQUEST_ROWS for name in row.names)
    assert sent(Level.OFF, everything).names() == section(everything).names() - {b"proxy-authorization"}
    answered = "\n".join(f"{name.replace('*', 'x')}: 1" for row in RESPONSE_ROWS for name in row.names)
    assert delivered(Level.OFF, answered) == section(answered)


@pytest.mark.parametrize(("level", "value"), [(Level.OFF, None), (Level.STANDARD, b"1"), (Level.STRICT, b"1")])
@pytest.mark.parametrize("line", ["", "Sec-GPC: 0", "Sec-GPC: 1\nSec-GPC: 1"])
def test_the_objection_is_sent_once_whatever_the_client_says(level: Level, value: bytes | None, line: str) -> None:
    expected = section(line).get_all(b"sec-gpc") if value is None else (value,)
    assert sent(level, line).get_all(b"sec-gpc") == expected


def test_report_only_policies_are_dropped_at_strict_and_the_enforced_one_loses_its_reports() -> None:
    fields = """
        Content-Security-Policy: script-src 'self'; report-uri /r
        Content-Security-Policy-Report-Only: default-src 'none'; report-uri /r
        Cross-Origin-Embedder-Policy-Report-Only: require-corp
    """
    assert delivered(Level.STANDARD, fields) == section(fields)
    assert delivered(Level.STRICT, fields).lines == ((b"content-security-policy", b"script-src 'self'"),)


def test_only_real_changes_are_named_for_the_log() -> None:
    fields = section("Via: 1.1 a\nReferer: https://a.example/\nSec-GPC: 1\nAccept: */*")
    edits = Edits(
        set=((b"sec-gpc", b"1"), (b"referer", b"https://b.example/"), (b"save-data", b"on")),
        drop=frozenset((b"via", b"from")),
    )
    assert changed(fields, edits) == ("via", "referer", "save-data")
    assert changed(fields, NO_EDITS) == ()


def test_several_lines_of_one_name_are_compared_line_by_line() -> None:
    fields = section("Set-Cookie: a\nSet-Cookie: b")
    assert changed(fields, Edits(((b"set-cookie", b"a"), (b"set-cookie", b"b")))) == ()
    assert changed(fields, Edits(((b"set-cookie", b"a, b"),))) == ("set-cookie",)


# Properties: any names of the table among any others, any values, likely ones among them.

VALUES = st.one_of(
    st.binary(max_size=60),
    st.text("abcAZ019 ,;=\"'<>\\/@#?*-:.\t", max_size=60).map(lambda text: text.encode()),
    st.sampled_from(
        [
            CHROME.encode(),
            FIREFOX.encode(),
            b'pip/24.0 {"ci":null}',
            b"de-CH,de;q=0.9,en;q=0.8,fr;q=0.7",
            b"https://page.example/a?b#c",
            b"https://me@origin.example/x",
            b"http://origin.example/@x",
            b"id=1; Max-Age=0",
            b"id=1; Partitioned",
            b"default-src *; report-uri /x, report-to g",
            b"<//x.example>; rel=preconnect, </n>; rel=next",
            b"com.example.app",
            b"document",
            b"no-cors",
            b"text/html",
        ]
    ),
)


def sections(rows: tuple[Row, ...]) -> st.SearchStrategy[FieldSection]:
    known = [name.replace("*", "x").lower().encode() for row in rows for name in row.names]
    names = st.one_of(st.sampled_from([*known, b"accept"]), st.binary(max_size=12))
    return st.lists(st.tuples(names, VALUES), max_size=8).map(FieldSection)


REQUESTS = st.builds(
    lambda url, method, fields: RequestHead(method, request(url).target, fields),
    st.sampled_from(["https://origin.example/", "http://origin.example/x"]),
    st.sampled_from(["GET", "POST", "PUT"]),
    sections(REQUEST_ROWS),
)
RESPONSES = st.builds(ResponseHead, st.sampled_from([200, 206, 304]), sections(RESPONSE_ROWS))
KINDS: st.SearchStrategy[tuple[Resource, bool | None]] = st.tuples(
    st.sampled_from(["document", "frame", "image", "fetch", "other"]), st.sampled_from([True, False, None])
)
LEVELS = st.sampled_from(list(Level))


@given(LEVELS, REQUESTS, KINDS)
def test_an_edited_request_needs_no_edits(level: Level, head: RequestHead, kind: tuple[Resource, bool | None]) -> None:
    about = subject(head, *kind)
    edits = request_edits(level, head, about)
    assert request_edits(level, head.edited(edits), about) == NO_EDITS
    assert edits.drop.isdisjoint(name for name, _ in edits.set)
    assert set(changed(head.fields, edits)) == {n.decode("latin-1") for n in edits.drop | {n for n, _ in edits.set}}


@given(LEVELS, REQUESTS, RESPONSES, KINDS)
def test_an_edited_response_needs_no_edits(
    level: Level, head: RequestHead, response: ResponseHead, kind: tuple[Resource, bool | None]
) -> None:
    about = subject(head, *kind)
    edits = response_edits(level, head, response, about)
    assert response_edits(level, head, response.edited(edits), about) == NO_EDITS
    assert edits.drop.isdisjoint(name for name, _ in edits.set)


@given(REQUESTS, RESPONSES, KINDS)
def test_what_a_level_drops_the_stricter_one_drops_too(
    head: RequestHead, response: ResponseHead, kind: tuple[Resource, bool | None]
) -> None:
    about = subject(head, *kind)
    asked = [request_edits(level, head, about).drop for level in Level]
    answered = [response_edits(level, head, response, about).drop for level in Level]
    assert asked[0] <= asked[1] <= asked[2]
    assert answered[0] <= answered[1] <= answered[2]
