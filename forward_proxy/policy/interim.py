"""Does an interim response of the origin go on to the client, and in what form?  RFC 9110 §15.2, RFC 8297.

It goes on, cleaned as any response is, unless the client is one of HTTP/1.0, who would take it for the final one.  A
100 (Continue) goes on to a client that expects one: its expectation has gone to the origin (§10.1.1).

Nothing of it is stored, and Cache-Status speaks of the final response alone.  Via is added (§7.6.3); Date is not, for a
1xx needs none (§6.6.1).
"""

from forward_proxy import anonymity
from forward_proxy.message.fields import Edits
from forward_proxy.message.heads import ResponseHead, expects_continue
from forward_proxy.policy import hops
from forward_proxy.policy.decisions import Allowed

# No content follows, and nothing may look as if it did (RFC 9110 §8.6, RFC 9112 §6.1).
_FRAMING = Edits(drop=frozenset((b"content-length", b"trailer", b"transfer-encoding")))


def passed_on(allowed: Allowed, response: ResponseHead, client_version: str) -> Edits | None:
    """What changes in it on its way to the client; None when it goes no further."""
    unasked = response.status == 100 and not expects_continue(allowed.request.fields)
    if unasked or client_version == "HTTP/1.0":
        return None
    anonymised = anonymity.response_edits(allowed.level, allowed.request, response, allowed.subject)
    cleaning = hops.response_hops(response) | anonymised | _FRAMING
    return cleaning | hops.via(response.edited(cleaning).fields)
