"""What becomes of a request's target: which parameters go, by whom, and where a redirect wrapper leads.

Entries are tried in their order, and each parameter belongs to the first that says anything about it: what one keeps,
no later one removes.  A `keep` without names keeps all there is and ends it.  Behind all entries come the lines of
lists among the rules that have parameters removed.

What stays keeps its order and its octets.  Removing one may bring another rule to bear, so a target is gone over until
nothing more goes: what comes out would stay as it is.  What `leaving` tells is left alone, whoever says otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from forward_proxy.access.lists.found import Found, Removing
from forward_proxy.access.lists.listed import Listed
from forward_proxy.cleaning.catalogue import Catalogue, Provider
from forward_proxy.cleaning.leaving import left_alone, signed
from forward_proxy.cleaning.names import Names, name_of
from forward_proxy.cleaning.patterns import Url
from forward_proxy.cleaning.wrappers import Inside, inside
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import Malformed, TargetUri, target_uri

_MOST_PASSES = 6  # A hostile target could be made for many; what then comes out is shorter all the same.
_HTML = (b"text/html", b"application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Keep:
    """These parameters stay; without names, all of the request does."""

    names: Names | None = None

    def __str__(self) -> str:
        return "keep all" if self.names is None else f"keep {self.names}"


@dataclass(frozen=True, slots=True)
class Remove:
    """These parameters go, or those that a list has removed."""

    names: Names | None = None
    listed: Listed | None = None

    def __str__(self) -> str:
        return f"remove {self.listed.name if self.listed is not None else self.names}"


@dataclass(frozen=True, slots=True)
class Unwrap:
    """A page is asked for at the URL that one of these parameters holds."""

    names: Names

    def __str__(self) -> str:
        return f"unwrap {self.names}"


type Treatment = Keep | Remove | Unwrap


@dataclass(frozen=True, slots=True)
class Removed:
    """What went: the name of a parameter, or the rule that some other part fits; and who had it removed."""

    what: str
    by: RuleRef


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The target as it becomes.

    `inside` is where a wrapper leads, which is for navigations alone; then `removed` names the wrapper.  With `left`,
    nothing becomes of it all, and that is why.
    """

    target: TargetUri
    removed: tuple[Removed, ...]
    inside: Inside | None = None
    left: str = ""

    @property
    def location(self) -> str:
        return str(self.inside or self.target)

    @property
    def names(self) -> tuple[str, ...]:
        """What was removed, each once, in its order."""
        return tuple(dict.fromkeys(removed.what for removed in self.removed))

    @property
    def authors(self) -> str:
        """Who had it removed, as the log and answers name them."""
        return ", ".join(dict.fromkeys(str(removed.by) for removed in self.removed))


@dataclass(frozen=True, slots=True)
class Tracking:
    """The entries in their order, and the lists among the rules, each with what narrows it."""

    entries: tuple[Choice[Treatment], ...] = ()
    lists: tuple[tuple[Matcher, Listed, Removing, RuleRef], ...] = ()
    _path_labels: frozenset[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        listed = (entry.value.listed for entry in self.entries if isinstance(entry.value, Remove))
        catalogues = (each.searched for each in listed if each is not None)
        labels = [each.path_labels for each in catalogues if isinstance(each, Catalogue)]
        known = None if None in labels else frozenset[str]().union(*filter(None, labels))
        object.__setattr__(self, "_path_labels", known)

    def __bool__(self) -> bool:
        return bool(self.entries or self.lists)

    def concerns(self, head: RequestHead) -> bool:
        """Whether anybody may have something to say about such a target."""
        if head.target.query is not None:
            return bool(self)
        labels = self._path_labels
        return labels is None or (bool(labels) and not labels.isdisjoint(head.target.host.split(".")))

    def clean(self, head: RequestHead, subject: Subject, *, navigation: bool) -> Cleaned | None:
        """What becomes of the target; None when nothing would.  `navigation` lets wrappers be passed over.

        Never raises.
        """
        if not self.concerns(head) or not _may_be_cleaned(head, subject):
            return None
        cleaned = self._cleaned(head.target, subject, navigation)
        if cleaned is None:
            return None
        why = left_alone(head) or ("" if cleaned.inside else signed(head.target))
        return replace(cleaned, left=why) if why else cleaned

    def _cleaned(self, target: TargetUri, subject: Subject, navigation: bool) -> Cleaned | None:
        removed: tuple[Removed, ...] = ()
        for _ in range(_MOST_PASSES):
            after = _Pass(target, subject, navigation).over(self)
            if after is None:
                break
            if after.inside is not None:
                return after
            removed += after.removed
            target = after.target
            subject = replace(subject, path=target.path, url=str(target))
        return Cleaned(target, removed) if removed else None


# What a `keep` of everything makes of a target.
_ENDED = Cleaned(TargetUri("", "", 0, ""), ())


def navigates(head: RequestHead) -> bool:
    """Whether a person goes there with a browser, which follows a redirect and shows where it led.

    What an extension of the path suggests does not count: other programs may not follow.  Scripts ask for HTML, too;
    over cleartext they are told by the fields that no GET of a page has: Origin (Fetch §3.2), without which a redirect
    to another origin fails them, and X-Requested-With.
    """
    if head.method != "GET":
        return False
    destination = head.fields.get(b"sec-fetch-dest")
    if destination is not None:
        return destination == b"document"
    if b"origin" in head.fields or b"x-requested-with" in head.fields:
        return False
    accepted = (head.fields.get(b"accept") or b"").partition(b",")[0].partition(b";")[0].strip().lower()
    return accepted in _HTML


def _may_be_cleaned(head: RequestHead, subject: Subject) -> bool:
    return head.method in ("GET", "HEAD") and not head.has_content and subject.resource != "websocket"


class _Pass:
    """Once through all entries; `open` are the parameters that nobody has spoken of, by their places."""

    def __init__(self, target: TargetUri, subject: Subject, navigation: bool) -> None:
        self.target = target
        self.subject = subject
        self.navigation = navigation
        self.parameters = [] if target.query is None else target.query.split("&")
        self.open = {place: _read(name_of(text)) for place, text in enumerate(self.parameters) if text}
        self.lowered = {place: name.lower() for place, name in self.open.items()}
        self.gone: dict[int, Removed] = {}

    def over(self, tracking: Tracking) -> Cleaned | None:
        """What it made of the target; None when nothing."""
        for entry in tracking.entries:
            found = self.by_entry(entry)
            if found is not None:
                return self.without_gone() if found is _ENDED else found
        for matcher, listed, removing, where in tracking.lists:
            if self.open and matcher.matches(self.subject):
                self.by_removals(removing, listed, where)
        return self.without_gone()

    def by_entry(self, entry: Choice[Treatment]) -> Cleaned | None:
        """What an entry makes of the whole target; parameters are noted.

        Names are looked at before the match: most requests have none of them.
        """
        match entry.value:
            case Keep(None):
                return _ENDED if entry.matcher.matches(self.subject) else None
            case Keep(names=names) if names is not None:
                if (places := self.named(names)) and entry.matcher.matches(self.subject):
                    self.settle(places)
            case Remove(names=names) if names is not None:
                if (places := self.named(names)) and entry.matcher.matches(self.subject):
                    self.take(places, entry.where)
            case Remove(listed=listed) if listed is not None:
                if entry.matcher.matches(self.subject):
                    return self.by_list(listed, entry.where)
            case Unwrap(names):
                if self.navigation and (places := self.named(names)) and entry.matcher.matches(self.subject):
                    return self.unwrapped(places, entry.where)
        return None

    def named(self, names: Names) -> list[int]:
        """Places of the parameters with such names that nobody has spoken of."""
        return [place for place, name in self.lowered.items() if names.has(name)]

    def settle(self, places: Iterable[int]) -> None:
        """These have been spoken of."""
        for place in places:
            del self.open[place], self.lowered[place]

    def without_gone(self) -> Cleaned | None:
        if not self.gone:
            return None
        kept = [text for place, text in enumerate(self.parameters) if place not in self.gone]
        target = replace(self.target, query="&".join(kept) if kept else None)
        return Cleaned(target, tuple(self.gone[place] for place in sorted(self.gone)))

    def take(self, places: Sequence[int], by: RuleRef) -> None:
        for place in places:
            self.gone[place] = Removed(name_of(self.parameters[place]), by)
        self.settle(places)

    def unwrapped(self, places: Sequence[int], by: RuleRef) -> Cleaned | None:
        """The first of the parameters that holds a URL to go to."""
        for place in places:
            value = self.parameters[place].partition("=")[2]
            if (found := inside(value, self.target)) is not None:
                return Cleaned(self.target, (Removed("wrapper", by),), found)
        return None

    def by_list(self, listed: Listed, where: RuleRef) -> Cleaned | None:
        """What makes a new target of it at once; parameters are noted."""
        searched = listed.searched
        if isinstance(searched, Catalogue):
            url = Url.of(self.subject)
            for provider in searched.asked(url.labels, self.open.values()):
                if (found := self.by_provider(provider, url, listed, where)) is not None:
                    return found
        elif (removing := removing_of(listed)) is not None and self.open:
            self.by_removals(removing, listed, where)
        return None

    def by_provider(self, provider: Provider, url: Url, listed: Listed, where: RuleRef) -> Cleaned | None:
        # Names first: for nearly all requests they settle that there is nothing to do.
        named = [(place, scopes) for place, name in self.open.items() if (scopes := provider.named(name))]
        if not (named or provider.raws or (self.navigation and provider.captures)) or not provider.has(url):
            return None

        def by(line: int) -> RuleRef:
            return listed.place(Found(line, ""), where)

        if self.navigation:
            for scope, capture in provider.captures:
                if scope.holds(url, self.subject.resource):
                    for value in capture.found_in(self.subject.url):
                        if (found := inside(value, self.target)) is not None:
                            return Cleaned(self.target, (Removed("wrapper", by(scope.line)),), found)
        for scope, raw in provider.raws:
            made = self.shortened(raw.removed_from(self.target.path_and_query))
            if made is not None and scope.holds(url, self.subject.resource):
                return Cleaned(made, (Removed(scope.text, by(scope.line)),))
        for place, scopes in named:
            line = next((scope.line for scope in scopes if scope.holds(url, self.subject.resource)), None)
            if line is not None:
                self.take((place,), by(line))
        return None

    def shortened(self, path_and_query: str) -> TargetUri | None:
        """The target with this in place of its path and query; None when that is no other, or none."""
        if path_and_query == self.target.path_and_query or not path_and_query.startswith("/"):
            return None
        made = target_uri(self.target.scheme, self.target.host, self.target.port, path_and_query)
        return None if isinstance(made, Malformed) or len(str(made)) >= len(self.subject.url) else made

    def by_removals(self, removing: Removing, listed: Listed, where: RuleRef) -> None:
        for removal in removing.removals(self.subject):
            by = listed.place(Found(removal.line, removal.text), where)
            self.take([place for place in self.open if removal.takes(self.parameters[place])], by)


def removing_of(listed: Listed) -> Removing | None:
    """The list as one that may have parameters removed; None when it is of another kind."""
    searched = listed.searched
    return searched if isinstance(searched, Removing) else None


def lists_among(rules: Sequence[Choice[str]]) -> tuple[tuple[Matcher, Listed, Removing, RuleRef], ...]:
    """The lists of rules that may have parameters removed, each with all that its match asks but for the list."""
    found = []
    for rule in rules:
        listed = next((each for each in rule.matcher.conditions if isinstance(each, Listed)), None)
        if listed is not None and (removing := removing_of(listed)) is not None:
            narrowed = Matcher(tuple(each for each in rule.matcher.conditions if each is not listed))
            found.append((narrowed, listed, removing, rule.where))
    return tuple(found)


def _read(name: str) -> str:
    """The name as lists have it: most are plain, and what is escaped is compared as it reads."""
    return unquote(name, errors="replace") if "%" in name and not name.startswith("%3F") else name
