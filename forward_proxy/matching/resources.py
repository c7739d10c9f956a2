"""What will the client use the response as?  Fetch Metadata, RFC 9110 §12.5.1.

The first of these that tells: Sec-Fetch-Dest, an upgrade to WebSocket, the first media range of Accept, the extension
of the path.  A browser sends no Sec-Fetch-Dest over cleartext, which is where the other three earn their keep.
"""

from forward_proxy.matching.subject import Resource
from forward_proxy.message.fields import FieldSection

_DESTINATIONS: dict[bytes, Resource] = {
    b"document": "document",
    **dict.fromkeys((b"iframe", b"frame", b"fencedframe"), "frame"),
    **dict.fromkeys(
        (b"script", b"worker", b"sharedworker", b"serviceworker", b"audioworklet", b"paintworklet"), "script"
    ),
    **dict.fromkeys((b"style", b"xslt"), "style"),
    b"image": "image",
    b"font": "font",
    **dict.fromkeys((b"audio", b"video", b"track"), "media"),
    **dict.fromkeys((b"object", b"embed"), "object"),
    **dict.fromkeys((b"empty", b"json", b"text"), "fetch"),
    b"websocket": "websocket",
    **dict.fromkeys((b"manifest", b"report", b"webidentity", b"speculationrules"), "other"),
}
_ACCEPTED: dict[bytes, Resource] = {
    b"text/html": "document",
    b"application/xhtml+xml": "document",
    b"text/css": "style",
    b"text/javascript": "script",
    b"application/javascript": "script",
    b"application/json": "fetch",
    b"text/event-stream": "fetch",
    b"application/font-woff2": "font",
    b"application/font-woff": "font",
}
_ACCEPTED_TYPES: dict[bytes, Resource] = {b"image": "image", b"font": "font", b"audio": "media", b"video": "media"}
_EXTENSIONS: dict[str, Resource] = {
    **dict.fromkeys(("html", "htm", "xhtml"), "document"),
    **dict.fromkeys(("js", "mjs"), "script"),
    "css": "style",
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "apng"), "image"),
    **dict.fromkeys(("woff", "woff2", "ttf", "otf", "eot"), "font"),
    **dict.fromkeys(("mp3", "mp4", "m4a", "m4v", "webm", "ogg", "oga", "ogv", "wav", "flac", "m3u8", "mpd"), "media"),
    "json": "fetch",
    "swf": "object",
}


def resource_of(fields: FieldSection, path: str) -> Resource:
    """The kind of resource asked for, "other" when nothing tells.  Never raises."""
    destination = _DESTINATIONS.get(fields.get(b"sec-fetch-dest") or b"")
    # A WebSocket handshake is made for no element, so its destination is mostly `empty`.
    if destination is not None and destination != "fetch":
        return destination
    if b"websocket" in (fields.get(b"upgrade") or b"").lower():
        return "websocket"
    return destination or _accepted(fields.get(b"accept") or b"") or _extension(path)


def _accepted(value: bytes) -> Resource | None:
    first = value.partition(b",")[0].partition(b";")[0].strip().lower()
    return _ACCEPTED.get(first) or _ACCEPTED_TYPES.get(first.partition(b"/")[0])


def _extension(path: str) -> Resource:
    _, dot, extension = path[-16:].rpartition(".")
    return _EXTENSIONS.get(extension.lower(), "other") if dot else "other"
