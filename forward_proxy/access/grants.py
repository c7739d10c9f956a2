"""What is allowed or denied for a while, whatever the rules say?  Each grant ends by itself.

Of the grants that fit a request the newest decides: it is what somebody wanted last.  What is checked before and after
the rules (who may use the proxy, which ports and addresses it dials) no grant lifts.

Times are POSIX seconds; a grant holds before `until`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from forward_proxy.access.options import Action
from forward_proxy.matching.clients import Network
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import HostPattern, read_host, suffixes
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.message.hosts import IPAddress, ip_literal, unmapped
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

# What the place of a grant is called where a rule has its file; its number stands where a rule has its line.
PLACE = "grant"
NEVER = 1 << 62

type Target = HostPattern | TargetUri
type Kind = Literal["allow", "deny", "pause"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Grant:
    """One of them; `target` None means everything, `client` None everyone.  `by` is who made it, in words."""

    number: int
    action: Action
    target: Target | None
    client: Network | None
    since: int
    until: int
    by: str
    reason: str = ""

    @property
    def kind(self) -> Kind:
        return "pause" if self.target is None else self.action

    @property
    def where(self) -> RuleRef:
        return RuleRef(PLACE, self.number)

    @property
    def told(self) -> str:
        """Who gave it, when and for how long, and why."""
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        words = {"allow": "allowed", "deny": "denied", "pause": "rules paused"}[self.kind]
        why = f": {self.reason}" if self.reason else ""
        return f"{words} for {lasting(self.until - self.since)} since {since} by {self.by}{why}"

    def holds(self, subject: Subject) -> bool:
        """Whether it is about this request, and not over.  Never raises."""
        if subject.at >= self.until:
            return False
        if not self._is_for(subject.client):
            return False
        match self.target:
            case None:
                return True
            case HostPattern(host, below):
                return subject.host == host or (below and host in suffixes(subject.host))
            case TargetUri() as target:
                return _is_below(subject, target)

    def denies_near(self, host: str, client: IPAddress) -> bool:
        """Whether it denies the client this host, or something below or above it."""
        if self.action != "deny" or self.target is None or not self._is_for(client):
            return False
        return host in suffixes(self.target.host) or self.target.host in suffixes(host)

    def _is_for(self, client: IPAddress | None) -> bool:
        return self.client is None or (client is not None and unmapped(client) in self.client)


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's wish for a grant: what for, from which address, and when."""

    number: int
    target: HostPattern
    client: IPAddress
    at: int


@dataclass(frozen=True, slots=True)
class Grants:
    """All of them, the newest first; filed by host, so that a request is compared with few."""

    newest_first: tuple[Grant, ...] = ()
    _wheres: tuple[RuleRef, ...] = field(init=False, repr=False, compare=False)
    _told: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _filed: Mapping[str | None, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_wheres", tuple(grant.where for grant in self.newest_first))
        object.__setattr__(self, "_told", tuple(grant.told for grant in self.newest_first))
        filed: dict[str | None, tuple[int, ...]] = {}
        for place, grant in enumerate(self.newest_first):
            host = None if grant.target is None else grant.target.host
            filed[host] = (*filed.get(host, ()), place)
        object.__setattr__(self, "_filed", filed)

    def __bool__(self) -> bool:
        return bool(self.newest_first)

    def first(self, subject: Subject) -> tuple[Action, RuleRef, str] | None:
        """What the deciding grant does, its place, and what it tells; None when none fits."""
        filed = self._filed
        places = [place for host in (None, *suffixes(subject.host)) for place in filed.get(host, ())]
        for place in sorted(places):
            grant = self.newest_first[place]
            if grant.holds(subject):
                return grant.action, self._wheres[place], self._told[place]
        return None

    def in_force(self, now: int) -> Iterator[Grant]:
        return (grant for grant in self.newest_first if now < grant.until)

    def denial_near(self, host: str, client: IPAddress, now: int) -> Grant | None:
        """The newest that denies the client this host, or something below or above it."""
        return next((grant for grant in self.in_force(now) if grant.denies_near(host, client)), None)

    def next_end(self, now: int) -> int:
        """When the next of them is over."""
        return min((grant.until for grant in self.in_force(now)), default=NEVER)


NO_GRANTS = Grants()


def read_target(text: str) -> Target | Unreadable:
    """A host and all below it, `=` before it for that host alone, or a URL and what is below its path.

    A URL with a query is that one alone.
    """
    if "://" not in text:
        return read_host(text)
    target = parse_target_uri(text)
    if isinstance(target, Malformed):
        return Unreadable(f"expected a host or an http or https URL; {target.reason}")
    return target


def spelled(target: Target | None) -> str:
    """What `read_target` reads as the same; `everything` for None."""
    match target:
        case None:
            return "everything"
        case HostPattern(host, below):
            return host if below or ip_literal(host) is not None else f"={host}"
        case TargetUri():
            return str(target)


def _is_below(subject: Subject, target: TargetUri) -> bool:
    """A tunnel, of which the path is not known, is below the whole of its origin only."""
    if (subject.scheme, subject.host, subject.port) != (target.scheme, target.host, target.port):
        return False
    if target.query is not None:
        return subject.url == str(target)
    folder = target.path if target.path.endswith("/") else f"{target.path}/"
    return folder == "/" or subject.path == target.path or subject.path.startswith(folder)


def lasting(seconds: int) -> str:
    """In its two largest units: `15 min`, `1 h 30 min`."""
    parts: list[str] = []
    for unit, name in _UNITS:
        count, seconds = divmod(seconds, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
