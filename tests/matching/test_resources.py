import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.facts import RESOURCES
from forward_proxy.matching.resources import resource_of
from forward_proxy.message.fields import FieldSection

DESTINATION, UPGRADE, ACCEPT = b"sec-fetch-dest", b"upgrade", b"accept"


@pytest.mark.parametrize(
    ("fields", "path", "resource"),
    [
        ({DESTINATION: b"document", ACCEPT: b"image/png"}, "/a.js", "document"),
        ({DESTINATION: b"iframe"}, "/", "frame"),
        ({DESTINATION: b"serviceworker"}, "/", "script"),
        ({DESTINATION: b"track"}, "/", "media"),
        ({DESTINATION: b"embed"}, "/", "object"),
        ({DESTINATION: b"empty", ACCEPT: b"text/html"}, "/a.js", "fetch"),
        ({DESTINATION: b"empty", UPGRADE: b"WebSocket"}, "/", "websocket"),
        ({DESTINATION: b"manifest"}, "/a.json", "other"),
        ({DESTINATION: b"something-new", ACCEPT: b"text/css,*/*;q=0.1"}, "/", "style"),
        ({UPGRADE: b"websocket", ACCEPT: b"text/html"}, "/", "websocket"),
        ({UPGRADE: b"h2c", ACCEPT: b"text/html"}, "/", "document"),
        ({ACCEPT: b"text/html,application/xhtml+xml,*/*;q=0.8"}, "/a.js", "document"),
        ({ACCEPT: b"image/avif,image/webp,*/*;q=0.8"}, "/", "image"),
        ({ACCEPT: b"video/webm,video/ogg;q=0.9"}, "/", "media"),
        ({ACCEPT: b"application/json, text/plain, */*"}, "/a.js", "fetch"),
        ({ACCEPT: b"*/*"}, "/a/app.min.JS", "script"),
        ({ACCEPT: b"*/*"}, "/a.woff2", "font"),
        ({}, "/pic.jpeg", "image"),
        ({}, "/a.js/b", "other"),
        ({}, "/", "other"),
        ({}, "", "other"),
    ],
)
def test_the_first_sign_that_tells_decides(fields: dict[bytes, bytes], path: str, resource: str) -> None:
    assert resource_of(FieldSection(fields.items()), path) == resource


@given(st.dictionaries(st.sampled_from([DESTINATION, UPGRADE, ACCEPT]), st.binary(max_size=40)), st.text(max_size=20))
def test_whatever_a_client_sends_is_some_resource(fields: dict[bytes, bytes], path: str) -> None:
    assert resource_of(FieldSection(fields.items()), path) in RESOURCES
