"""Signing in, step by step as browsers send it, at `standard`: nothing that a step needs is touched."""

import pytest

from forward_proxy.anonymity import Level, changed, request_edits, response_edits
from forward_proxy.matching.subject import Resource
from forward_proxy.message.heads import ResponseHead
from tests.anonymity.exchanges import CHROME, request, section, subject

BROWSER = f"""
    User-Agent: {CHROME}
    Sec-CH-UA: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"
    Sec-CH-UA-Mobile: ?0
    Sec-CH-UA-Platform: "Linux"
    Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7
    Cookie: session=1; __Host-csrf=2
"""

STEPS: list[tuple[str, str, str, Resource, bool | None, str]] = [
    (
        "the application sends the user to the identity provider",
        "GET",
        "https://idp.example/authorize?client_id=1&prompt=login",
        "document",
        True,
        """
        Sec-Fetch-Site: cross-site
        Sec-Fetch-Mode: navigate
        Sec-Fetch-Dest: document
        Sec-Fetch-User: ?1
        Upgrade-Insecure-Requests: 1
        Referer: https://app.example/
        """,
    ),
    (
        "the user posts the password",
        "POST",
        "https://idp.example/login",
        "document",
        False,
        """
        Sec-Fetch-Site: same-origin
        Sec-Fetch-Mode: navigate
        Sec-Fetch-Dest: document
        Origin: https://idp.example
        Content-Type: application/x-www-form-urlencoded
        Referer: https://idp.example/authorize?client_id=1&prompt=login
        """,
    ),
    (
        "the identity provider answers by a form post to the application (SAML, response_mode=form_post)",
        "POST",
        "https://app.example/callback",
        "document",
        True,
        """
        Sec-Fetch-Site: cross-site
        Sec-Fetch-Mode: navigate
        Sec-Fetch-Dest: document
        Origin: https://idp.example
        Content-Type: application/x-www-form-urlencoded
        Referer: https://idp.example/
        """,
    ),
    (
        "a hidden frame renews the token (prompt=none)",
        "GET",
        "https://idp.example/authorize?prompt=none",
        "frame",
        True,
        """
        Sec-Fetch-Site: cross-site
        Sec-Fetch-Mode: navigate
        Sec-Fetch-Dest: iframe
        Referer: https://app.example/
        """,
    ),
    (
        "a script asks a sister domain, with credentials",
        "POST",
        "https://api.app-backend.example/token",
        "fetch",
        True,
        """
        Sec-Fetch-Site: cross-site
        Sec-Fetch-Mode: cors
        Sec-Fetch-Dest: empty
        Origin: https://app.example
        Authorization: Bearer eyJ
        X-CSRF-Token: 2
        X-Requested-With: XMLHttpRequest
        Content-Type: application/json
        Referer: https://app.example/
        """,
    ),
    (
        "a WebSocket to a sister domain",
        "GET",
        "https://live.app-backend.example/socket",
        "websocket",
        True,
        """
        Connection: Upgrade
        Upgrade: websocket
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
        Sec-WebSocket-Version: 13
        Sec-WebSocket-Protocol: graphql-transport-ws
        Sec-Fetch-Site: cross-site
        Sec-Fetch-Mode: websocket
        Sec-Fetch-Dest: empty
        Origin: https://app.example
        """,
    ),
    (
        "an event stream taken up again",
        "GET",
        "https://live.app-backend.example/events",
        "fetch",
        True,
        """
        Accept: text/event-stream
        Last-Event-ID: 41
        Cache-Control: no-cache
        Sec-Fetch-Site: cross-site
        Sec-Fetch-Mode: cors
        Sec-Fetch-Dest: empty
        Origin: https://app.example
        Referer: https://app.example/
        """,
    ),
    (
        "the browser mediates (FedCM)",
        "GET",
        "https://idp.example/fedcm/accounts",
        "other",
        True,
        """
        Sec-Fetch-Dest: webidentity
        Sec-Fetch-Mode: no-cors
        Sec-Fetch-Site: cross-site
        """,
    ),
    (
        "a device in the local network, in cleartext, where browsers send no Sec-Fetch-*",
        "POST",
        "http://router.example/login",
        "other",
        True,
        """
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
        Origin: http://portal.example
        Content-Type: application/x-www-form-urlencoded
        Upgrade-Insecure-Requests: 1
        Referer: http://portal.example/
        """,
    ),
]


@pytest.mark.parametrize(
    ("method", "url", "resource", "third_party", "fields"), [s[1:] for s in STEPS], ids=[s[0] for s in STEPS]
)
def test_a_step_goes_out_as_it_came_but_for_the_objection(
    method: str, url: str, resource: Resource, third_party: bool | None, fields: str
) -> None:
    head = request(url, BROWSER + fields, method)
    about = subject(head, resource, third_party)
    assert changed(head.fields, request_edits(Level.STANDARD, head, about)) == ("sec-gpc",)


@pytest.mark.parametrize(
    ("method", "url", "resource", "third_party", "fields"), [s[1:] for s in STEPS], ids=[s[0] for s in STEPS]
)
def test_the_answer_to_a_step_comes_in_as_it_was(
    method: str, url: str, resource: Resource, third_party: bool | None, fields: str
) -> None:
    head = request(url, BROWSER + fields, method)
    response = ResponseHead(
        302,
        section("""
            Location: https://app.example/callback?code=1
            Set-Cookie: session=2; Path=/; Secure; HttpOnly; SameSite=None
            Set-Cookie: state=; Max-Age=0
            WWW-Authenticate: Bearer
            Access-Control-Allow-Origin: https://app.example
            Access-Control-Allow-Credentials: true
            Set-Login: logged-in
            Refresh: 5
            Clear-Site-Data: "cache"
            Content-Security-Policy: frame-ancestors 'none'; report-uri /r
            Referrer-Policy: unsafe-url
            Cache-Control: no-store
        """),
    )
    assert not response_edits(Level.STANDARD, head, response, subject(head, resource, third_party))


@pytest.mark.parametrize("step", [0, 1, 2, 7, 8])
def test_at_strict_navigations_and_the_browsers_own_sign_in_keep_their_cookies(step: int) -> None:
    _, method, url, resource, third_party, fields = STEPS[step]
    head = request(url, BROWSER + fields, method)
    edits = request_edits(Level.STRICT, head, subject(head, resource, third_party))
    assert b"cookie" not in edits.drop
