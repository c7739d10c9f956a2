"""What can rules know of this exchange?  The subject of a request head, and later of its response.

Nothing here fails: a fact that a request does not tell is None or "other".  Of a tunnel (CONNECT) only the authority,
the client and the time are known.
"""

from dataclasses import replace

from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.media_types import essence
from forward_proxy.matching.pages import page_of, third_party
from forward_proxy.matching.resources import resource_of
from forward_proxy.matching.subject import Subject
from forward_proxy.message.fields import list_members
from forward_proxy.message.heads import RequestHead, ResponseHead

_NOBODY = (None, None, None)


def subject_of(head: RequestHead, client: KnownClient | None, at: int) -> Subject:
    """The facts of a request that `client` made at POSIX second `at`.  Never raises."""
    target, fields = head.target, head.fields
    address, name, listener = _NOBODY if client is None else (client.address, client.name, client.listener)
    if head.method == "CONNECT":
        url = f"{target.scheme}://{target.authority}"
        return Subject(
            "CONNECT", target.scheme, target.host, target.port, "", url, at, address, user=name, listener=listener
        )
    page = page_of(fields)
    return Subject(
        head.method,
        target.scheme,
        target.host,
        target.port,
        target.path,
        str(target),
        at,
        address,
        resource_of(fields, target.path),
        page,
        third_party(fields, target.host, page),
        request_types=f"{fields.text(b'content-type')},{fields.text(b'accept')}",
        user=name,
        listener=listener,
    )


def same_client(subject: Subject, other: Subject) -> Subject:
    """The subject as if the other's client had asked."""
    return replace(subject, client=other.client, user=other.user, listener=other.listener)


def with_response(subject: Subject, head: ResponseHead) -> Subject:
    """The same exchange once its response is known; of several Content-Type values browsers take the last."""
    values = list_members(head.fields.get(b"content-type") or b"")
    return replace(subject, content_type=essence(values[-1].decode("latin-1")) if values else "")
