"""The site's pages, as a browser meets them: a page with all it is made of, a login, and live connections."""

import secrets
from collections.abc import Mapping
from threading import Lock
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from .content import png
from .ledger import Ledger

_FRESH = {"Cache-Control": "public, max-age=600"}
# The page asks browsers to send the whole Referer everywhere and sends tell-tale fields itself, so that a test which
# finds none of it at the origin knows that the proxy took it away.
_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Page {token}</title>
<meta name="referrer" content="unsafe-url"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/part/{token}/style.css"></head>
<body><h1 id="styled">Page</h1><p id="script">no script</p><p id="fetched">no fetch</p><p id="tracked">no</p>
<img src="/part/{token}/one.png" alt="one"><img src="/part/{token}/two.png" alt="two">
<img src="{cdn}/part/{token}/three.png" alt="three">
<script src="/part/{token}/script.js"></script><script src="{tracker}/part/{token}/track.js"></script>
<script>
fetch("/part/{token}/data.json", {{headers: {{"X-Client-Data": "c29tZQ", "X-Forwarded-For": "198.51.100.7"}}}})
.then(answer => answer.json())
.then(data => {{ document.getElementById("fetched").textContent = data.token; }});</script>
</body></html>"""
_LIVE = """<!DOCTYPE html><html><head><title>Live</title><link rel="icon" href="data:,"></head>
<body><p id="socket">no</p><p id="events"></p><script>
const socket = new WebSocket("{socket}");
socket.onopen = () => socket.send("hello {token}");
socket.onmessage = event => {{ document.getElementById("socket").textContent = event.data; }};
socket.onerror = () => {{ document.getElementById("socket").textContent = "failed"; }};
const events = new EventSource("/events/{token}");
events.onmessage = event => {{ document.getElementById("events").textContent += event.data + "; "; }};
</script></body></html>"""
_FORM = """<!DOCTYPE html><html><head><title>Login</title><link rel="icon" href="data:,"></head><body>
<form method="post"><input name="user"><button id="enter">Enter</button></form></body></html>"""


def pages(ledger: Ledger, written: Mapping[str, str]) -> Blueprint:
    """All routes of this module.  `cdn` and `tracker` in a page's query are the origins of its foreign parts; `written`
    are pages by name that tests have written and may write later."""
    routes = Blueprint("pages", __name__)
    sessions: dict[str, str] = {}
    lock = Lock()

    @routes.get("/page/<token>")
    def page(token: str) -> Response:
        text = _PAGE.format(token=token, cdn=request.args.get("cdn", ""), tracker=request.args.get("tracker", ""))
        return Response(text, headers=_FRESH, mimetype="text/html")

    @routes.get("/written/<name>")
    def written_page(name: str) -> Response:
        fields = {"Cache-Control": "no-store"}
        if embedder := request.args.get("embedder"):
            fields["Cross-Origin-Embedder-Policy"] = embedder
        return Response(written[name], headers=fields, mimetype="text/html")

    @routes.get("/part/<token>/<name>")
    def part(token: str, name: str) -> Response:
        content, kind = _part(token, name)
        return Response(content, headers=_FRESH, mimetype=kind)

    @routes.get("/mark/<token>")
    def mark(token: str) -> Response:
        """Sets the cookie that a tracker would recognise its visitor by: the token backwards, which no URL contains."""
        response = Response("marked", headers={"Cache-Control": "no-store"}, mimetype="text/html")
        response.set_cookie(
            "visitor", token[::-1], secure=request.is_secure, samesite="None" if request.is_secure else None
        )
        return response

    @routes.get("/live/<token>")
    def live(token: str) -> Response:
        text = _LIVE.format(token=token, socket=request.args["socket"])
        return Response(text, headers={"Cache-Control": "no-store"}, mimetype="text/html")

    @routes.get("/login")
    def form() -> str:
        return _FORM

    @routes.post("/login")
    def login() -> AnyResponse:
        """Refuses a post that does not prove where it comes from, as the common frameworks do against forgery."""
        if not _same_origin(request.headers.get("Origin") or request.headers.get("Referer") or ""):
            return Response("forged", 403)
        session = secrets.token_hex(16)
        with lock:
            sessions[session] = request.form["user"]
        response = redirect("/account", 303)
        response.set_cookie("session", session, secure=request.is_secure, httponly=True, samesite="Lax")
        return response

    @routes.get("/account")
    def account() -> Response:
        user = sessions.get(request.cookies.get("session", ""))
        text = f"<p id=user>{user}</p>" if user else "<p id=user>nobody</p>"
        return Response(text, 200 if user else 403, {"Cache-Control": "private, no-cache"}, mimetype="text/html")

    @routes.get("/seen/<token>")
    def seen(token: str) -> Response:
        """Every request about the token so far with its field lines, as a person at a browser would look at it."""
        return jsonify([{"method": s.method, "target": s.target, "fields": s.fields} for s in ledger.naming(token)])

    return routes


def _part(token: str, name: str) -> tuple[str | bytes, str]:
    match name.rpartition(".")[2]:
        case "css":
            return "#styled { color: rgb(1, 2, 3); }", "text/css"
        case "js" if name == "track.js":
            return 'document.getElementById("tracked").textContent = "yes";', "text/javascript"
        case "js":
            return f'document.getElementById("script").textContent = "{token}";', "text/javascript"
        case "json":
            return f'{{"token": "{token}"}}', "application/json"
        case _:
            return png(name), "image/png"


def _same_origin(source: str) -> bool:
    parts = urlsplit(source)
    return (parts.scheme, parts.netloc) == (request.scheme, request.host)
