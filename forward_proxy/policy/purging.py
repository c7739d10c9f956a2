"""What does a PURGE mean, and may this client send it?  An operator's act; the method is no RFC's but a custom.

As with Squid and Varnish it is about the target URI, with all its representations, and never forwarded.  With
Surrogate-Key or Cache-Tag it is about what the target's host has stored with one of these tags instead;
Fastly-Soft-Purge, as Fastly calls it, makes it stale instead of removing it.

A page in the operator's own browser comes from a client that may purge.  Browsers mark what scripts send with Origin or
Sec-Fetch-Site, which scripts can neither set nor remove; a request so marked is refused.
"""

from forward_proxy.access.options import Options
from forward_proxy.access.targets import judge_purging
from forward_proxy.caching import CacheKey
from forward_proxy.caching.tags import tags_of
from forward_proxy.matching.subject import Subject
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import IPAddress
from forward_proxy.policy.decisions import Deny, Purge

METHOD = "PURGE"

_OF_A_BROWSER = (b"origin", b"sec-fetch-site", b"sec-fetch-mode")


def judge_purge(
    head: RequestHead, subject: Subject, client: IPAddress, options: Options, key: CacheKey
) -> Deny | Purge:
    """What this PURGE selects, or why it is refused; `key` is that of a GET for its target."""
    if refusal := judge_purging(client, options):
        return Deny(403, refusal.error, refusal.reason, resource=subject.resource)
    if any(name in head.fields for name in _OF_A_BROWSER):
        return Deny(403, "http_request_denied", "a page in a browser may not purge", resource=subject.resource)
    soft = head.fields.get(b"fastly-soft-purge") not in (None, b"0")
    return Purge(subject, key, tags_of(head.fields), soft)
