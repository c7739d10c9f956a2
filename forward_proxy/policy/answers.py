"""Answers of our own: denials and errors.  RFC 9110 §15, RFC 9209 (Proxy-Status), RFC 9457 (problem details).

Each says in standard fields and in words what happened, which rule did it and where that rule stands.  The form
follows the asker: a page for a document, JSON for whoever asks for JSON, nothing but the right type for a script,
image or other part of a page, plain text for the rest.  Where a list names a surrogate, that is the answer, for pages
of any origin to use.  None of them may be stored by anyone.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

from forward_proxy.access.grants import PLACE
from forward_proxy.access.surrogates import surrogate
from forward_proxy.matching.subject import Resource, RuleRef
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy.decisions import Deny, OwnPage, Purge, Redirect
from forward_proxy.policy.pages import OWN_CSP, PROXY_NAME, link, page

# RFC 7617 §2, §2.1.
CHALLENGE = b'Basic realm="forward-proxy", charset="UTF-8"'
_EMPTY_TYPES: dict[Resource, bytes] = {
    "script": b"text/javascript; charset=utf-8",
    "style": b"text/css; charset=utf-8",
    "image": b"image/gif",
    "font": b"font/woff2",
    "media": b"video/mp4",
    "object": b"application/octet-stream",
}
_LATER = "It is fetched, without your cookies, once it can be reached."
_OFFERS = {"unblock": "Unblock it for a while", "ask": "Ask for access"}
_NOTHING_SENT = (403, 407, 429)
_BAD_CERTIFICATE = "tls_certificate_error"
_PHRASES = {508: "Loop Detected"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response made here; `content` is never large."""

    status: int
    fields: FieldSection
    content: bytes = b""


def denial(deny: Deny, request: RequestHead | None) -> Answer:
    """The answer to a request that was refused or could not be served."""
    content_type, content = _content(deny, request)
    lines = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
        (b"proxy-status", proxy_status(deny.error, _details(deny))),
        (b"x-content-type-options", b"nosniff"),
    ]
    if deny.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        lines.append((b"proxy-authenticate", CHALLENGE))  # RFC 9110 §11.7.1.
    if deny.surrogate:
        # It is the same for everybody and says nothing of anybody.
        lines += [(b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin")]
    elif content_type.startswith(b"text/html"):
        lines.append((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"))
    head_only = request is not None and request.method == "HEAD"
    return Answer(deny.status, FieldSection(lines), b"" if head_only else content)


def purged(purge: Purge, count: int) -> Answer:
    """The answer to a PURGE that so many stored responses were meant by; 404 when there was none, as with Squid."""
    content = json.dumps({"stale" if purge.soft else "removed": count}).encode() + b"\n"
    lines = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
    ]
    return Answer(200 if count else 404, FieldSection(lines), content)


def redirection(redirect: Redirect) -> Answer:
    """The answer that leads to a clean target; 307, so that nobody takes it for the site's own word (RFC 9110 §15.4.8).

    Never stored: another time the rules may be others.
    """
    cleaned = redirect.cleaned
    what = "wrapper passed over" if cleaned.inside else f"{', '.join(cleaned.names)} removed"
    details = f"{what} by {cleaned.authors}"
    content = f"{cleaned.location}\n".encode()
    lines = [
        (b"location", cleaned.location.encode("ascii")),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
        (b"proxy-status", proxy_status("", details)),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Answer(307, FieldSection(lines), content)


def own_page(own: OwnPage, *, head_only: bool) -> Answer:
    """A page of our own, with what keeps other pages from showing or reading it."""
    lines = {
        b"content-type": b"text/html; charset=utf-8",
        b"content-length": b"%d" % len(own.content),
        b"cache-control": b"no-store",
        b"content-security-policy": OWN_CSP,
        b"x-frame-options": b"DENY",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        # Not no-referrer, by which browsers send `Origin: null` (Fetch §3.2).
        b"referrer-policy": b"same-origin",
        b"x-content-type-options": b"nosniff",
    }
    return Answer(200, FieldSection((lines | dict(own.fields)).items()), b"" if head_only else own.content)


def proxy_status(error: str, details: str = "") -> bytes:
    """One Proxy-Status member; `error` is a registered type of RFC 9209 §2.3, empty for none, details any text."""
    text = "".join(c if " " <= c <= "~" else "?" for c in details)
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    said = f"; error={error}" if error else ""
    return f"{PROXY_NAME}{said}{f'''; details="{quoted}\"''' if quoted else ''}".encode("ascii")


def _details(deny: Deny) -> str:
    return ", ".join(part for part in (str(deny.rule) if deny.rule else "", deny.reason) if part)


def _content(deny: Deny, request: RequestHead | None) -> tuple[bytes, bytes]:
    if deny.surrogate:
        stands_in = surrogate(deny.surrogate)
        if stands_in is None:
            return _EMPTY_TYPES.get(deny.resource, b"text/plain; charset=utf-8"), b""
        return stands_in.content_type, stands_in.content
    accept = request.fields.text(b"accept").lower() if request else ""
    if "json" in accept and "text/html" not in accept:
        return b"application/problem+json", _json(deny, request)
    if deny.resource in _EMPTY_TYPES:
        return _EMPTY_TYPES[deny.resource], b""
    if deny.resource in ("document", "frame") or "text/html" in accept:
        return b"text/html; charset=utf-8", _page(deny, request)
    return b"text/plain; charset=utf-8", _text(deny, request)


def _json(deny: Deny, request: RequestHead | None) -> bytes:
    rule = {"id": deny.rule.id, "file": deny.rule.file, "line": deny.rule.line} if deny.rule else None
    problem = {
        "title": _title(deny),
        "status": deny.status,
        "detail": deny.reason,
        "instance": str(request.target) if request else None,
        "error": deny.error,
        "rule": rule,
    }
    return json.dumps(problem, ensure_ascii=False).encode() + b"\n"


def _text(deny: Deny, request: RequestHead | None) -> bytes:
    target = f"{request.target}\n" if request else ""
    later = f"{_LATER}\n" if deny.later else ""
    return f"{_title(deny)}\n{target}{deny.reason}\n{later}{_where(deny.rule)}".encode()


def _page(deny: Deny, request: RequestHead | None) -> bytes:
    rows = [("Address", str(request.target) if request else ""), ("Reason", deny.reason)]
    if deny.rule:
        rows += [("Rule", deny.rule.id or ""), ("Where", str(deny.rule))]
    else:
        rows += [("Error", deny.error), ("Later", _LATER if deny.later else "")]
    unsent = deny.status in _NOTHING_SENT or deny.error == _BAD_CERTIFICATE
    sent = "nothing was sent to the site" if unsent else "the site did not"
    offer = link(_OFFERS[deny.offer], request.target) if deny.offer and request else ""
    return page(_title(deny), rows, f"{offer}<p>{PROXY_NAME} answered this request itself; {sent}.")


def _title(deny: Deny) -> str:
    if deny.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return "A name and password are needed"
    if deny.by_policy:
        by_grant = deny.rule is not None and deny.rule.file == PLACE
        return "Blocked for a while" if by_grant else "Blocked by a rule" if deny.rule else "Refused"
    if deny.error == _BAD_CERTIFICATE:
        return "The certificate of this site cannot be trusted"
    return f"{deny.status} {_PHRASES.get(deny.status) or HTTPStatus(deny.status).phrase}"


def _where(rule: RuleRef | None) -> str:
    if rule is None or rule.file == PLACE:
        return f"{rule}\n" if rule else ""
    return f"rule {rule.id or ''} at {rule}\n".replace("  ", " ")
