"""Which directives count here?  Those of a message that are for this cache, without what the operator has it ignore."""

from types import MappingProxyType

from forward_proxy.caching.directives import NO_DIRECTIVES, Directives, directives, request_directives
from forward_proxy.caching.options import Options
from forward_proxy.caching.targeted import targeted
from forward_proxy.message.fields import FieldSection

_ONLY_IF_CACHED = Directives(MappingProxyType({"only-if-cached": None}))


def addressed(fields: FieldSection, options: Options) -> Directives:
    """What the response says to this cache."""
    said = targeted(fields, options.targets) if options.targets else None
    return directives(fields) if said is None else said


def heeds_expires(fields: FieldSection, options: Options) -> bool:
    """Whether Expires counts: not where a targeted field does (RFC 9213 §2.2)."""
    return not options.targets or targeted(fields, options.targets) is None


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
