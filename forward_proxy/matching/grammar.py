"""What does the `match` of a rule mean?  The one grammar of all sections, from plain values to a Matcher.

A match is a mapping; each key takes one value or a list of which any may hold, and values are text as written.  Every
mistake is found, each as a Problem with the keys that lead to it, so that an operator mends a file in one go.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from forward_proxy.matching.automata import Urls, read_url
from forward_proxy.matching.clients import Clients, read_network
from forward_proxy.matching.conditions import Condition, Problem, Unreadable, unknown
from forward_proxy.matching.days import Dates, read_dates
from forward_proxy.matching.facts import (
    Methods,
    Party,
    Ports,
    Resources,
    Schemes,
    read_method,
    read_party,
    read_ports,
    read_resource,
    read_scheme,
)
from forward_proxy.matching.groups import Groups, Members
from forward_proxy.matching.hosts import Hosts, read_host
from forward_proxy.matching.matcher import Matcher, Not
from forward_proxy.matching.media_types import ContentTypes, RequestTypes, read_media_range
from forward_proxy.matching.named import NOTHING_NAMED, Named
from forward_proxy.matching.paths import Paths, read_path
from forward_proxy.matching.times import EVERY_DAY, MIDNIGHT, Times, Window, read_clock, read_days, read_zone
from forward_proxy.matching.users import Listeners, Users, read_user

MAX_DEPTH = 8

type Path = tuple[str | int, ...]
type Reader = Callable[[str], Any]

# In the order they are tried: the cheaper and the more telling, the earlier.
_PLAIN_KEYS: dict[str, tuple[Reader, Callable[[Sequence[Any]], Condition]]] = {
    "host": (read_host, Hosts.of),
    "port": (read_ports, Ports.of),
    "scheme": (read_scheme, Schemes.of),
    "method": (read_method, Methods.of),
    "resource": (read_resource, Resources.of),
    "third_party": (read_party, Party.of),
    "client": (read_network, Clients.of),
    "listener": (read_ports, Listeners.of),
    "user": (read_user, Users.of),
    "content_type": (read_media_range, ContentTypes.of),
    "request_type": (read_media_range, RequestTypes.of),
    "path": (read_path, Paths.of),
    "url": (read_url, Urls.of),
}
KEYS = ("service", *_PLAIN_KEYS, "group", "time", "not")
_TIME_KEYS = ("days", "from", "to", "zone", "on", "except")


def compile_match(
    raw: object, zone: tzinfo, named: Named = NOTHING_NAMED, *, denies: bool = False
) -> Matcher | tuple[Problem, ...]:
    """The matcher that a mapping describes, times by `zone` unless it names one, or all that is wrong with it.

    `denies` when what fits is to be denied; only the hosts of services depend on it (services.py).
    """
    compiler = _Compiler(zone, named, denies)
    matcher = compiler.match(raw, ())
    return tuple(compiler.problems) or matcher


@dataclass(slots=True)
class _Compiler:
    """Collects problems on the way; what it returns is worth something only when there are none."""

    zone: tzinfo
    named: Named
    denies: bool = False
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, text: str) -> None:
        self.problems.append(Problem(path, text))

    def match(self, raw: object, path: Path) -> Matcher:
        given = self.mapping(raw, path, KEYS, "a mapping of keys such as host, path or time")
        made = {key: self.condition(key, value, (*path, key)) for key, value in given.items()}
        order = sorted(made, key=KEYS.index)
        return Matcher(tuple(condition for key in order if (condition := made[key]) is not None))

    def condition(self, key: str, raw: object, path: Path) -> Condition | None:
        if key == "not":
            return self.negation(raw, path)
        if key == "time":
            windows = [self.window(value, where) for where, value in self.values(raw, path)]
            return Times.of([window for window in windows if window is not None])
        if key == "group":
            groups = [self.value(value, where, self.group) for where, value in self.values(raw, path)]
            return Groups.of([group for group in groups if group is not None])
        if key == "service":
            services = [self.value(value, where, self.named.services.named) for where, value in self.values(raw, path)]
            return self.named.services.condition([each for some in services for each in some or ()], denies=self.denies)
        read, build = _PLAIN_KEYS[key]
        read_values = [self.value(value, where, read) for where, value in self.values(raw, path)]
        return build([value for value in read_values if value is not None])

    def negation(self, raw: object, path: Path) -> Condition | None:
        if len(path) > MAX_DEPTH:
            self.problem(path, "nested too deeply")
            return None
        if raw == {}:
            self.problem(path, "expected at least one key")
        self.denies = not self.denies
        inner = self.match(raw, path)
        self.denies = not self.denies
        return Not(inner)

    def window(self, raw: object, path: Path) -> Window | None:
        given = self.mapping(raw, path, _TIME_KEYS, "a mapping of days, from, to and zone")
        if ("from" in given) != ("to" in given):
            self.problem(path, "from and to need each other")
        if isinstance(raw, Mapping) and not raw:
            self.problem(path, "expected days, or from and to")
        days = [self.value(value, where, read_days) for where, value in self.values_of(given, "days", path)]
        begins = self.only(given, "from", path, read_clock)
        ends = self.only(given, "to", path, read_clock)
        zone = self.only(given, "zone", path, read_zone)
        if begins == MIDNIGHT:
            self.problem((*path, "from"), "a window cannot begin at the end of the day; write 00:00")
        on = Dates.of(self.dates(given, "on", path)) if "on" in given else None
        return Window(
            self.zone if zone is None else zone,
            EVERY_DAY if "days" not in given else frozenset[int]().union(*(some or () for some in days)),
            0 if begins is None else begins,
            MIDNIGHT if ends is None else ends,
            on,
            Dates.of(self.dates(given, "except", path)),
        )

    def dates(self, given: Mapping[str, object], key: str, path: Path) -> list[Dates]:
        read = [self.value(value, where, self.holidays) for where, value in self.values_of(given, key, path)]
        return [dates for dates in read if dates is not None]

    def holidays(self, text: str) -> Dates | Unreadable:
        """A list that has this name, or dates."""
        if text[:1].isdigit():
            return read_dates(text)
        known = self.named.holidays
        return known[text] if text in known else Unreadable(_unnamed("holidays", text, known))

    def group(self, text: str) -> Members | Unreadable:
        known = self.named.groups
        return known[text] if text in known else Unreadable(_unnamed("group", text, known))

    def mapping(self, raw: object, path: Path, keys: tuple[str, ...], what: str) -> dict[str, object]:
        """The known keys of a mapping."""
        if not isinstance(raw, Mapping):
            self.problem(path, f"expected {what}")
            return {}
        for key in raw:
            if key not in keys:
                self.problem((*path, key), unknown(str(key), keys, "unknown key"))
        return {key: value for key, value in raw.items() if key in keys}

    def values_of(self, given: Mapping[str, object], key: str, path: Path) -> Iterable[tuple[Path, object]]:
        return self.values(given[key], (*path, key)) if key in given else ()

    def values(self, raw: object, path: Path) -> Iterable[tuple[Path, object]]:
        """The one value, or each of a list, and where it stands."""
        if not isinstance(raw, list | tuple):
            return [(path, raw)]
        if not raw:
            self.problem(path, "expected at least one value")
        return [((*path, place), value) for place, value in enumerate(raw)]

    def only(self, given: Mapping[str, object], key: str, path: Path, read: Reader) -> Any:
        return self.value(given[key], (*path, key), read) if key in given else None

    def value(self, raw: object, path: Path, read: Reader) -> Any:
        """What the reader makes of one value; None, and a problem, when it makes nothing of it."""
        text = _text(raw)
        if text is None:
            self.problem(path, "expected a value" if raw is None else "expected a single value")
            return None
        value = read(text)
        if isinstance(value, Unreadable):
            self.problem(path, value.text)
            return None
        return value


def _unnamed(what: str, text: str, known: Mapping[str, object]) -> str:
    wrong = f"no rule file names {what} {text}"
    return unknown(text, known, wrong) if known else wrong


def _text(raw: object) -> str | None:
    """A scalar as it would be written in YAML; None for anything else and for nothing."""
    match raw:
        case bool():
            return "true" if raw else "false"
        case int() | str():
            return str(raw) or None
        case _:
            return None
