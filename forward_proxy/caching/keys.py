"""Under which key is the answer to a request stored?  RFC 9111 §2 and §4.3.5.

A HEAD has the key of the GET whose stored response answers it.
"""

from forward_proxy.caching.stored import CacheKey
from forward_proxy.message.heads import RequestHead


def key_of(request: RequestHead) -> CacheKey:
    """Method and target URI."""
    return CacheKey(_method(request), request.target)


def answers(key: CacheKey, request: RequestHead) -> bool:
    """Whether the key is the request's; storage is asked by key, but a wrong answer would be another's page."""
    return key.target == request.target and key.method == _method(request)


def _method(request: RequestHead) -> str:
    return "GET" if request.method == "HEAD" else request.method
