"""For which requests is a filter meant, besides its pattern?  The options after `$`.

Types are those of the project's one resource type.  What a proxy cannot tell narrows a filter or makes it ignored;
it never widens it: pings look like any fetch, so `ping` means nothing and `~ping` leaves fetches out.
"""

import re
from dataclasses import dataclass
from typing import get_args

from forward_proxy.access.filters.modifiers import Kind, Modifier, is_modifier, read_modifier
from forward_proxy.access.filters.names import Names, read_names
from forward_proxy.access.filters.report import Refused
from forward_proxy.matching.subject import Resource, Subject

# A bit for each resource, and one for tunnels, of which no type is known.
KINDS: dict[Resource, int] = {resource: 1 << place for place, resource in enumerate(get_args(Resource.__value__))}
DOCUMENT = KINDS["document"]
TUNNEL = 1 << len(KINDS)
ALL = TUNNEL * 2 - 1
# Without a type a filter is about what pages are made of, not about the pages that a person goes to.
USUAL = ALL ^ DOCUMENT
_PAGES = DOCUMENT | KINDS["frame"]
# And one that does something else is about these.
_USUAL_FOR: dict[Kind, int] = {"removeparam": _PAGES | KINDS["fetch"], "csp": _PAGES, "permissions": _PAGES}
_OF_PAGES = ("csp", "permissions")

_TYPES: dict[str, int] = {
    **dict.fromkeys(("document", "doc"), KINDS["document"]),
    **dict.fromkeys(("subdocument", "frame"), KINDS["frame"]),
    "script": KINDS["script"],
    **dict.fromkeys(("stylesheet", "css"), KINDS["style"]),
    **dict.fromkeys(("image", "img", "background"), KINDS["image"]),
    "font": KINDS["font"],
    "media": KINDS["media"],
    **dict.fromkeys(("xmlhttprequest", "xhr"), KINDS["fetch"]),
    "websocket": KINDS["websocket"],
    **dict.fromkeys(("object", "object-subrequest"), KINDS["object"]),
    "other": KINDS["other"],
    **dict.fromkeys(("ping", "beacon", "popup", "popunder"), 0),
}
_PARTIES = {
    **dict.fromkeys(("third-party", "3p"), True),
    **dict.fromkeys(("first-party", "1p"), False),
}
# Options that only say what else to do with a page, by the kind they are counted as.
_REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("inline-script", "inline-font"), ("inline", "what is inside of a page is not looked at")),
    **dict.fromkeys(
        ("elemhide", "ehide", "generichide", "ghide", "specifichide", "shide", "content", "jsinject", "stealth"),
        ("cosmetic", "nothing is hidden in pages, so nothing is excepted from it"),
    ),
    **dict.fromkeys(("genericblock", "urlblock"), ("page", "only a whole page can be excepted, by document")),
}
_OPTION_COMMA = re.compile(r"(?<!\\),(?=~?[a-zA-Z0-9_-]+(?:[=,]|$))")


@dataclass(frozen=True, slots=True)
class Scope:
    """`types` is a mask of KINDS; `pages` and `hosts` are None when any will do; `modifier` is what it does besides."""

    types: int = USUAL
    third_party: bool | None = None
    pages: Names | None = None
    hosts: Names | None = None
    methods: Names | None = None
    important: bool = False
    match_case: bool = False
    bad: bool = False
    for_documents: bool = False
    modifier: Modifier | None = None

    @property
    def trusts_pages(self) -> bool:
        """Whether an exception of this scope is for pages with all that they ask for."""
        return self.for_documents and self.is_for_all and self.modifier is None

    @property
    def is_wide(self) -> bool:
        """Whether nothing but the pattern says which requests are meant."""
        return bool(self.types & TUNNEL) and self.is_for_all

    @property
    def is_for_all(self) -> bool:
        """Whether it means requests of its types whoever makes them, and how."""
        return (self.third_party, self.pages, self.hosts, self.methods) == (None, None, None, None)

    def holds(self, subject: Subject, kind: int) -> bool:
        """What a request does not tell holds for no option, be it negated or not."""
        if not self.types & kind:
            return False
        if self.third_party is not None and subject.third_party is not self.third_party:
            return False
        if self.pages is not None and (subject.page is None or not self.pages.hold(subject.page)):
            return False
        if self.hosts is not None and not self.hosts.hold(subject.host):
            return False
        return self.methods is None or (kind != TUNNEL and _is_among(subject.method, self.methods))


def _is_among(method: str, methods: Names) -> bool:
    return method in methods.named if methods.named else method not in methods.spared


def read_scope(text: str, exception: bool = False) -> Scope | Refused:
    """The options of a filter, without the `$`.  Never raises."""
    reader = _Reader(exception)
    for option in _OPTION_COMMA.split(text):
        if (refused := reader.read(option.strip())) is not None:
            return refused
    return reader.scope()


class _Reader:
    """Gathers options, then makes the scope of them."""

    def __init__(self, exception: bool) -> None:
        self.exception = exception
        self.wanted = self.unwanted = 0
        self.types: set[str] = set()
        self.not_types: set[str] = set()
        self.flags: set[str] = set()
        self.third_party: bool | None = None
        self.values: dict[str, Names] = {}
        self.modifier: Modifier | None = None

    def read(self, option: str) -> Refused | None:
        name, equals, value = option.partition("=")
        name = name.lower()
        negated = name.startswith("~")
        name = name.removeprefix("~")
        if name in _REFUSED:
            kind, reason = _REFUSED[name]
            return Refused(kind, f"{name}: {reason}")
        if is_modifier(name) and not negated:
            return self.read_modifier(name, value)
        if equals:
            return self.read_value(name, value, negated)
        if name in _TYPES:
            (self.not_types if negated else self.types).add(name)
        elif name in _PARTIES:
            wanted = _PARTIES[name] is not negated
            if self.third_party not in (None, wanted):
                return Refused("options", "no request is both of the same site and of another")
            self.third_party = wanted
        elif name in ("important", "badfilter", "match-case", "all") and not negated:
            self.flags.add(name)
        elif name.strip("_"):  # `_` and `___` stand for nothing, and keep options apart.
            return Refused("options", f"unknown option {name[:40]}")
        return None

    def read_modifier(self, name: str, value: str) -> Refused | None:
        modifier = read_modifier(name, value)
        if isinstance(modifier, Refused):
            return modifier
        if self.modifier is not None:
            return Refused("options", "a filter does one thing only")
        self.modifier = modifier
        if name == "mp4":
            self.types.add("media")
        return None

    def read_value(self, name: str, value: str, negated: bool) -> Refused | None:
        name = "domain" if name == "from" else name
        if name not in ("domain", "to", "denyallow", "method") or negated:
            return Refused("options", f"unknown option {name[:40]}=")
        if name in self.values:
            return Refused("options", f"{name}= is said twice")
        if name == "method":
            words = {word.strip().upper() for word in value.split("|")}
            if not all(word.removeprefix("~").isalpha() for word in words):
                return Refused("options", "expected methods such as get or ~post")
            spared = {word[1:] for word in words if word.startswith("~")}
            self.values[name] = Names(frozenset(word for word in words if not word.startswith("~")), frozenset(spared))
            return None
        names = read_names(value)
        if isinstance(names, Refused):
            return names
        if name == "denyallow" and (names.spared or any(host.endswith(".*") for host in names.named)):
            return Refused("options", "denyallow= takes plain host names only")
        self.values[name] = names
        return None

    def scope(self) -> Scope | Refused:
        types = self.mask()
        if not types:
            untold = next((name for name in ("popup", "popunder", "ping", "beacon") if name in self.types), "options")
            return Refused(untold, "only for types that a proxy cannot tell from others, or for none")
        if self.modifier and self.modifier.kind in _OF_PAGES and types & ~_PAGES and not self.exception:
            return Refused(self.modifier.kind, "for documents and frames only")
        hosts = self.values.get("to")
        if (denied := self.values.get("denyallow")) is not None:
            if hosts is not None:
                return Refused("options", "to= and denyallow= are not understood together")
            hosts = Names(spared=denied.named)
        return Scope(
            types,
            self.third_party,
            self.values.get("domain"),
            hosts,
            self.values.get("method"),
            "important" in self.flags,
            "match-case" in self.flags,
            "badfilter" in self.flags,
            not self.types.isdisjoint(("document", "doc")),
            self.modifier,
        )

    def usual(self) -> int:
        """Types without a word of them."""
        if self.modifier is None:
            return USUAL
        return ALL if self.exception else _USUAL_FOR.get(self.modifier.kind, USUAL)

    def mask(self) -> int:
        types = ALL if "all" in self.flags else self.usual()
        if self.types and "all" not in self.flags:
            types = 0
            for name in self.types:
                types |= _TYPES[name]
        for name in self.not_types:
            # A tunnel may hold anything, also what is not meant.
            if name not in ("popup", "popunder", "document", "doc"):
                types &= ~TUNNEL
            types &= ~(KINDS["fetch"] if name in ("ping", "beacon") else _TYPES[name])
        return types
