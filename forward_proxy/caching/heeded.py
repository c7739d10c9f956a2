"""Which directives count here?  Those of a message, without what the operator has this cache ignore (overrides.py)."""

from types import MappingProxyType

from forward_proxy.caching.directives import NO_DIRECTIVES, Directives, directives, request_directives
from forward_proxy.caching.options import Options
from forward_proxy.message.fields import FieldSection

_ONLY_IF_CACHED = Directives(MappingProxyType({"only-if-cached": None}))


def addressed(fields: FieldSection, options: Options) -> Directives:
    """What the response says to this cache."""
    return directives(fields)


def heeded(fields: FieldSection, options: Options) -> Directives:
    """The same without the directives that are ignored."""
    said = addressed(fields, options)
    if options.override is None or options.override.directives.isdisjoint(said.arguments):
        return said
    kept = {name: value for name, value in said.arguments.items() if name not in options.override.directives}
    return Directives(MappingProxyType(kept))


def wanted(request: FieldSection, options: Options) -> Directives:
    """What the client asks of this cache; `only-if-cached` is never ignored, for it asks for less."""
    wants = request_directives(request)
    if not options.ignores("request-directives"):
        return wants
    return _ONLY_IF_CACHED if "only-if-cached" in wants else NO_DIRECTIVES
