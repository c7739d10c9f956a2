"""Which stored responses does a success of an unsafe method make suspect?  RFC 9111 §4.4.

Those for the target URI, and for Location and Content-Location when they are of the same origin: another origin's
responses are not this one's to remove.
"""

from forward_proxy.message.heads import SAFE_METHODS, RequestHead, ResponseHead
from forward_proxy.message.targets import Malformed, TargetUri, resolved


def invalidated(request: RequestHead, response: ResponseHead) -> tuple[TargetUri, ...]:
    """The target URIs to invalidate; none when the method is safe or the response an error.  Never raises."""
    if request.method in SAFE_METHODS or not 200 <= response.status < 400:
        return ()
    targets = {request.target: None}
    for name in (b"location", b"content-location"):
        for value in response.fields.get_all(name):
            referred = resolved(request.target, value)
            if not isinstance(referred, Malformed) and _origin(referred) == _origin(request.target):
                targets[referred] = None
    return tuple(targets)


def _origin(target: TargetUri) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 9110 §4.3.1)."""
    return target.scheme, target.host, target.port
