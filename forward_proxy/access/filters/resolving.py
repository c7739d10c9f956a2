"""What do filters mean to a resolver, such as AdGuard Home or Pi-hole, whose lists are written in the same syntax?

A resolver knows the name that is asked for and nothing else.  So a filter that says nothing but a name is about all
there is under it, pages too, and one that says more than a resolver can know is not for it.

    ||host^        the host and all below it; `||*.host^` those below it
    |host^         that host alone; so is `host` by itself, and each host of a hosts line
    *              any run of characters of the name
    /regex/        found in the name
"""

from dataclasses import replace

from forward_proxy.access.filters.report import Refused
from forward_proxy.access.filters.scopes import ALL, USUAL, Scope
from forward_proxy.matching.subject import Subject

_REFUSED = Refused("dns", "a resolver knows the name that is asked for, and nothing else")


def as_resolved(subject: Subject) -> Subject:
    """What a resolver would be asked for the sake of this request: the same for all of a host."""
    authority = f"[{subject.host}]" if ":" in subject.host else subject.host
    return Subject("GET", "http", subject.host, 80, "/", f"http://{authority}/", subject.at)


def narrowed(scope: Scope) -> Scope | Refused:
    """The scope of a filter that is for resolvers."""
    if scope.types not in (USUAL, ALL) or scope.modifier is not None or scope.match_case:
        return _REFUSED
    if (scope.third_party, scope.pages, scope.methods) != (None, None, None):
        return _REFUSED
    return replace(scope, types=USUAL)


def anchored(pattern: str) -> str | Refused:
    """The pattern over URLs such as `http://host/` that means the same as this one over names."""
    if "/" in pattern or "?" in pattern:
        return _REFUSED
    if pattern.startswith("|") and not pattern.startswith("||"):
        pattern = f"|http://{pattern[1:]}"
    return f"{pattern.rstrip('|^')}^" if pattern.endswith("|") else pattern
