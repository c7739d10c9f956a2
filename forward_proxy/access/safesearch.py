"""For whom is a search engine's safe search locked on, and how is it asked then?

It is asked by dialling another of its hosts (engines.py), while the server name, Host and the check of its certificate
stay as they were.  Parameters (`safe=active`, `adlt=strict`) and request fields (`YouTube-Restrict`) would do so only
inside TLS that is opened, only where an engine still heeds them, and not for what its own scripts ask; what is dialled
counts for a tunnel and for a request inside it alike.

Entries are asked in their order; the first that is about this engine and fits decides.  What they match by is known of
a tunnel, so that a host is asked in one way whatever passes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from forward_proxy.access.engines import ENGINE_OF, ENGINES, YOUTUBE_MODERATE, Youtube
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.subject import RuleRef, Subject


@dataclass(frozen=True, slots=True)
class SafeSearch:
    """An entry: the engines that it is about, whether they are locked, and how far YouTube is."""

    engines: frozenset[str] = frozenset(ENGINES)
    locked: bool = True
    youtube: Youtube = "strict"

    def __str__(self) -> str:
        which = (
            "all" if len(self.engines) == len(ENGINES) else ", ".join(name for name in ENGINES if name in self.engines)
        )
        moderate = ", youtube moderate" if self.locked and self.youtube == "moderate" else ""
        return f"{'always' if self.locked else 'never'} {which}{moderate}"


@dataclass(frozen=True, slots=True)
class AskedAs:
    """The canonical host that is dialled in place of an engine's, and the entry that says so."""

    host: str
    where: RuleRef

    def __str__(self) -> str:
        return f"safe search: asked as {self.host}"


def asked_as(entries: Iterable[Choice[SafeSearch]], subject: Subject) -> AskedAs | None:
    """How the engine that this is about is asked; None for as it is, and for what is no engine.  Never raises."""
    engine = ENGINE_OF.get(subject.host)
    if engine is None:
        return None
    for entry in entries:
        if engine in entry.value.engines and entry.matcher.matches(subject):
            moderate = engine == "youtube" and entry.value.youtube == "moderate"
            host = YOUTUBE_MODERATE if moderate else ENGINES[engine][1]
            return AskedAs(host, entry.where) if entry.value.locked else None
    return None
