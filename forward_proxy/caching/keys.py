"""Under which key is the answer to a request stored?  RFC 9111 §2 and §4.3.5.

A HEAD has the key of the GET whose stored response answers it.  An operator may say that parts of a query, or the
origin, tell no responses apart: signed and sharded URLs of one object.  What is asked in cleartext never shares a key
with https, whoever says so: anybody on the way could have written its answer.
"""

from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import KeyRule
from forward_proxy.caching.stored import CacheKey
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri


def key_of(request: RequestHead, options: Options) -> CacheKey:
    """Method and target URI."""
    method = "GET" if request.method == "HEAD" else request.method
    rule = options.override.key if options.override else None
    return CacheKey(method, keyed(request.target, rule) if rule else request.target)


def answers(key: CacheKey, request: RequestHead, options: Options) -> bool:
    """Whether the key is the request's; storage is asked by key, but a wrong answer would be another's page."""
    return key == key_of(request, options)


def keyed(target: TargetUri, rule: KeyRule) -> TargetUri:
    """The target URI that stands for this one in its key."""
    same = rule.same_as
    if same is not None and target.scheme != same.scheme:
        same = None
    if same is not None and rule.same_resource:
        return same
    origin = same or target
    return TargetUri(origin.scheme, origin.host, origin.port, target.path, _query(target.query, rule))


def _query(query: str | None, rule: KeyRule) -> str | None:
    if query is None or rule.drop_all:
        return None
    parameters = query.split("&")
    kept = [parameter for parameter in parameters if not _dropped(_name(parameter), rule)]
    if rule.sort_query:
        kept.sort(key=_name)  # Stable: of parameters with one name the order may mean something.
    return None if not kept else "&".join(kept)


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]


def _dropped(name: str, rule: KeyRule) -> bool:
    return name in rule.drop or name.startswith(rule.drop_beginnings)
