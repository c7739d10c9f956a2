"""Is a stored response one person's alone?  RFC 9111 §3.5, §5.2.2.7 and §7.3, RFC 6265 §3.1.

Personal is what only a private cache may store: a response that says `private`, one to a request with Authorization
that gives no licence to share it, and one with Set-Cookie.  A shared cache has no use for any of them, also where a
private one has stored them before.

A private cache here is a proxy for one person who may use several browsers, or one browser with several identities,
each with cookies of its own; so a personal response is reused only for the credentials it was a response to, as if
Vary named Authorization and Cookie.  A response that would begin a session, with Set-Cookie to a request without any
credentials, is not stored: replayed, it would put the next browser into the same session.
"""

from forward_proxy.caching.heeded import heeded
from forward_proxy.caching.options import Options
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.fields import FieldSection

CREDENTIALS = frozenset((b"authorization", b"cookie"))

_SHARING_LICENCES = ("public", "must-revalidate", "s-maxage")  # §3.5.


def why_personal(response: FieldSection, request: FieldSection, options: Options) -> str:
    """What makes a response with these fields personal, in a word; empty when nothing does.

    `request` needs no more than the fields that a stored response keeps of its request.
    """
    said = heeded(response, options)
    if said.applies_whole("private"):
        return "private"
    licensed = options.ignores("authorization") or any(name in said for name in _SHARING_LICENCES)
    if b"authorization" in request and not licensed:
        return "Authorization"
    return "Set-Cookie" if b"set-cookie" in response else ""


def is_personal(stored: StoredResponse, options: Options) -> bool:
    """Whether the stored response is reused for the same credentials only, and by a shared cache not at all."""
    return bool(why_personal(stored.fields, stored.request_fields, options))


def has_credentials(request: FieldSection) -> bool:
    """Whether the request says who makes it."""
    return any(name in request for name in CREDENTIALS)


def may_keep_cookies(request: FieldSection, options: Options) -> bool:
    """Whether what Set-Cookie answers to this request may be stored with it."""
    return not options.shared and not options.ignores("set-cookie") and has_credentials(request)
