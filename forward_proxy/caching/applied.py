"""Which words of an override made a difference, for Cache-Status and the log: `min_fresh_s by rules/apt.yaml:3`."""

from forward_proxy.caching.freshness import freshness
from forward_proxy.caching.heeded import addressed
from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import Override, ignored
from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead


def applied(request: RequestHead, received: FieldSection, stored: StoredResponse, options: Options) -> str:
    """What the operator changed about this request and what is stored for it; empty when nothing.

    `received` are the response's fields as they came, or as they are stored.
    """
    override = options.override
    if override is None:
        return ""
    rekeyed = override.key is not None and stored.key.target != request.target
    words = _words(override, request, received, stored, options)
    if override.key is None or override.key.where == override.where:
        return _by(["key", *words] if rekeyed else words, override.where)
    parts = _by(["key"] if rekeyed else [], override.key.where), _by(words, override.where)
    return "; ".join(filter(None, parts))


def _words(
    override: Override, request: RequestHead, received: FieldSection, stored: StoredResponse, options: Options
) -> list[str]:
    basis = freshness(stored, stored.response_at, options).basis
    words: list[str] = [basis] if basis in ("min_fresh_s", "max_fresh_s", "negative_s") else []
    said = frozenset(addressed(received, options).arguments)
    words += [f"ignore {word}" for word in ignored(override, said, request.fields, received)]
    return [*words, "pin"] if override.pin else words


def _by(words: list[str], where: str) -> str:
    return f"{', '.join(words)} by {where}" if words else ""
