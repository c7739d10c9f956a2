"""The site's single answers: any status and fields a test asks for, streams, uploads, ranges, a package index.

Every path ends in a token that the test chose, so counts in the ledger and stored responses never mix between tests.
"""

import gzip
import hashlib
from collections.abc import Iterator

from flask import Blueprint, Response, abort, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from .content import octets, pieces
from .gates import Gates

_OURS = frozenset(("status", "size", "echo"))
_READ_BYTES = 1 << 20


def answers(gates: Gates, packages: dict[str, bytes]) -> Blueprint:
    """All routes of this module; `packages` maps file names to wheels and may be filled later."""
    routes = Blueprint("answers", __name__)

    @routes.route("/answer/<token>", methods=["GET", "POST", "PUT", "DELETE"])
    def answer(token: str) -> Response:
        """`size` octets under `status`; each other query parameter becomes a field, `echo` names one to repeat."""
        size = request.args.get("size", 512, type=int)
        content = request.headers.get(request.args["echo"], "").encode() if "echo" in request.args else b""
        response = Response(content or octets(token, size), request.args.get("status", 200, type=int))
        response.content_type = "application/octet-stream"
        for name, value in request.args.items(multi=True):
            if name not in _OURS:
                response.headers.add(name, value)
        if response.status_code == 200 and "ETag" in response.headers:
            response.make_conditional(request, accept_ranges=True, complete_length=len(response.get_data()))
        return response

    @routes.get("/gzip/<token>")
    def compressed(token: str) -> Response:
        content, fields = (
            octets(token, 4096).hex().encode(),
            {"Vary": "Accept-Encoding", "Cache-Control": "max-age=600"},
        )
        if request.accept_encodings.best_match(["gzip"]):
            content, fields["Content-Encoding"] = gzip.compress(content), "gzip"
        return Response(content, headers=fields, mimetype="text/plain")

    @routes.get("/private/<token>")
    def private(token: str) -> Response:
        """Needs user `ada`, password `lovelace`."""
        authorization = request.authorization
        if authorization is None or (authorization.username, authorization.password) != ("ada", "lovelace"):
            return Response("who are you?", 401, {"WWW-Authenticate": 'Basic realm="tests"'})
        return Response(f"ada's {token}", headers={"Cache-Control": "max-age=600"})

    @routes.get("/redirect/<token>")
    def elsewhere(token: str) -> AnyResponse:
        return redirect(request.args.get("to", f"/answer/{token}"), request.args.get("status", 302, type=int))

    @routes.route("/upload/<token>", methods=["POST", "PUT"])
    def upload(token: str) -> Response:
        digest, size = hashlib.sha256(), 0
        while piece := request.stream.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
        return jsonify(token=token, size=size, sha256=digest.hexdigest())

    @routes.get("/download/<int:size>/<token>")
    def download(size: int, token: str) -> Response:
        """Content-Length, or chunked when the query says `chunked`; `store` makes it storable."""
        fields = {"Cache-Control": "max-age=600" if "store" in request.args else "no-store"}
        if "chunked" not in request.args:
            fields["Content-Length"] = str(size)
        return Response(pieces(token, size), headers=fields, mimetype="application/octet-stream")

    @routes.get("/drip/<int:count>/<token>")
    def drip(count: int, token: str) -> Response:
        """The first line at once, each further one when the test releases it."""
        lines = _gated(gates, token, (f"{number}\n" for number in range(count)))
        return Response(lines, headers={"Cache-Control": "max-age=600"}, mimetype="text/plain")

    @routes.get("/events/<token>")
    def events(token: str) -> Response:
        """Server-sent events, endless; the first at once, each further one when the test releases it."""
        lines = _gated(gates, token, (f"data: {token} {number}\n\n" for number in range(100)))
        return Response(lines, headers={"Cache-Control": "no-store"}, mimetype="text/event-stream")

    @routes.get("/simple/<project>/")
    def index(project: str) -> str:
        """PEP 503: the files of one project."""
        files = (name for name in packages if name.partition("-")[0] == project.replace("-", "_"))
        return (
            "<!DOCTYPE html><html><body>" + "".join(f'<a href="/files/{n}">{n}</a>' for n in files) + "</body></html>"
        )

    @routes.get("/files/<name>")
    def package(name: str) -> Response:
        return Response(packages[name], mimetype="application/zip") if name in packages else abort(404)

    return routes


def _gated(gates: Gates, token: str, lines: Iterator[str]) -> Iterator[str]:
    yield next(lines)
    for line in lines:
        gates.wait(token)
        yield line
