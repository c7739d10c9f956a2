"""What does the author of a rule expect of the whole set?  Each `expect` entry is one request and its verdict.

Expectations are checked whenever rules are loaded, on all files together, so a rule that quietly undoes another is
found before it is in force.  What an entry leaves out is fixed, never taken from the surroundings: GET, from this
machine, at noon on a Monday, without fields, with nothing used of any budget.

A request is judged as a proxy that opens TLS judges it: by what it tells, then once more when the type of its response
is known; but as a bare tunnel where an `inspect` entry keeps its TLS closed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import partial
from ipaddress import ip_address
from typing import Any

from forward_proxy.access.budgets import MOST_MINUTES, Usage
from forward_proxy.access.rules import AccessRules, Denied, Verdict
from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.client import KnownClient, User
from forward_proxy.matching.conditions import Problem, Unreadable, unknown
from forward_proxy.matching.facts import read_method, read_ports, read_resource
from forward_proxy.matching.media_types import essence
from forward_proxy.matching.pages import host_named
from forward_proxy.matching.sites import same_site
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.matching.users import read_user
from forward_proxy.message.fields import FieldSection, is_token
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import IPAddress, canonical_host
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

_KEYS = (
    *("block", "allow", "at", "client", "user", "listener", "used"),
    *("method", "resource", "page", "headers", "content_type"),
)
_BREAKS_A_LINE = frozenset("\r\n\0")
DEFAULT_AT = "2024-01-01T12:00"
DEFAULT_CLIENT = "127.0.0.1"
_DEFAULT_LISTENER = "8080"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A request, and whether it ought to be denied; `tunnel` is what rules see of it in TLS that is not opened.

    `used` are the minutes that are used of every budget, before the one in which it is made.
    """

    denied: bool
    subject: Subject
    tunnel: Subject | None = None
    used: int = 0

    def disappointment(self, rules: AccessRules, inspect: Sequence[Choice[str]] = ()) -> str | None:
        """What the rules do instead; None when they do what is expected."""
        rules = rules.used(Usage(assumed=self.used))
        if (where := rules.undecided_by_user(self._asked(inspect))) is not None:
            return f"{self.subject.url} is not judged before it is known who asks, because of {where}; say user"
        verdict = self._verdict(rules, inspect)
        if isinstance(verdict, Denied) == self.denied:
            return None
        wanted, got = ("blocked", "allowed") if self.denied else ("allowed", "blocked")
        return f"expected {self.subject.url} to be {wanted}, but it is {got} by {_author(verdict)}"

    def _asked(self, inspect: Sequence[Choice[str]]) -> Subject:
        """What rules see before there is a response."""
        if self.tunnel is not None:
            choice = first_match(inspect, self.tunnel)
            if choice is not None and choice.value == "never":
                return self.tunnel
        return replace(self.subject, content_type=None)

    def _verdict(self, rules: AccessRules, inspect: Sequence[Choice[str]]) -> Verdict:
        asked = self._asked(inspect)
        verdict = rules.decide(asked)
        if asked is self.tunnel or isinstance(verdict, Denied) or self.subject.content_type is None:
            return verdict
        return rules.decide(self.subject)


def read_expectation(raw: object, zone: tzinfo) -> Expectation | tuple[Problem, ...]:
    """The expectation that a mapping describes, or all that is wrong with it."""
    if not isinstance(raw, Mapping):
        return (Problem((), "expected a mapping with block or allow and a URL"),)
    reader = _Reader(zone)
    expectation = reader.expectation(reader.texts(raw), reader.fields(raw.get("headers")))
    return tuple(reader.problems) or expectation


def _author(verdict: Verdict) -> str:
    if verdict.rule is None:
        return f"the default: {verdict.reason}"
    return f"{verdict.rule.id} at {verdict.rule}" if verdict.rule.id else f"the rule at {verdict.rule}"


@dataclass(slots=True)
class _Reader:
    """Collects problems on the way; what it returns is worth something only when there are none."""

    zone: tzinfo
    problems: list[Problem] = field(default_factory=list)

    def texts(self, raw: Mapping[str, object]) -> dict[str, str]:
        """The known keys, each with its text."""
        texts: dict[str, str] = {}
        for key, value in raw.items():
            if key not in _KEYS:
                self.problems.append(Problem((key,), unknown(key, _KEYS, "unknown key")))
            elif key != "headers" and not isinstance(value, str):
                self.problems.append(Problem((key,), "expected a single value"))
            elif isinstance(value, str):
                texts[key] = value
        return texts

    def fields(self, raw: object) -> FieldSection:
        """The request fields of `headers`."""
        if raw is not None and not isinstance(raw, Mapping):
            self.problems.append(Problem(("headers",), "expected a mapping of field names and values"))
        lines = []
        for name, value in raw.items() if isinstance(raw, Mapping) else ():
            if not isinstance(value, str) or not _BREAKS_A_LINE.isdisjoint(value):
                self.problems.append(Problem(("headers", name), "expected a value of one line"))
            elif not name.isascii() or not is_token(name.encode()):
                self.problems.append(Problem(("headers", name), f"{name} is no field name"))
            elif name.lower() == "host":
                self.problems.append(Problem(("headers", name), "the host follows from the URL"))
            elif name.lower() == "proxy-authorization":
                self.problems.append(Problem(("headers", name), "no place for a password; say user"))
            else:
                lines.append((name.lower().encode(), value.encode("utf-8", "replace")))
        return FieldSection(lines)

    def expectation(self, texts: Mapping[str, str], fields: FieldSection) -> Expectation:
        if ("block" in texts) == ("allow" in texts):
            self.problems.append(Problem((), "expected either block or allow"))
        wanted = "block" if "block" in texts else "allow"
        target = self.read(texts, wanted, "http://missing/", _read_target)
        method = self.read(texts, "method", "GET", read_method)
        client = self.client(texts)
        at = self.read(texts, "at", DEFAULT_AT, partial(_read_at, zone=self.zone))
        subject = subject_of(RequestHead(method, target, fields), client, at)
        tunnel = subject_of(RequestHead("CONNECT", target), client, at) if target.scheme == "https" else None
        used = self.read(texts, "used", "0", _read_minutes)
        return Expectation(wanted == "block", replace(subject, **self.told(subject, texts)), tunnel, used)

    def client(self, texts: Mapping[str, str]) -> KnownClient:
        address = self.read(texts, "client", DEFAULT_CLIENT, _read_client)
        user = User(self.read(texts, "user", "nobody", read_user)) if "user" in texts else None
        return KnownClient(address, user, self.read(texts, "listener", _DEFAULT_LISTENER, _read_listener))

    def told(self, subject: Subject, texts: Mapping[str, str]) -> dict[str, Any]:
        """What a request would tell by its fields, and its response by its type."""
        told: dict[str, Any] = {}
        if "resource" in texts:
            told["resource"] = self.read(texts, "resource", "other", read_resource)
        if "content_type" in texts:
            told["content_type"] = essence(texts["content_type"])
        if "page" in texts:
            page = self.read(texts, "page", "missing", _read_page)
            told |= {"page": page, "third_party": not same_site(subject.host, page)}
        return told

    def read(self, texts: Mapping[str, str], key: str, default: str, read: Callable[[str], Any]) -> Any:
        """What is read from the text of this key; on a mistake what is read from the default, and a problem."""
        value = read(texts.get(key, default))
        if isinstance(value, Unreadable):
            self.problems.append(Problem((key,), value.text))
            return read(default)
        return value


def _read_target(text: str) -> TargetUri | Unreadable:
    target = parse_target_uri(text)
    return Unreadable(f"expected an http or https URL; {target.reason}") if isinstance(target, Malformed) else target


def _read_client(text: str) -> IPAddress | Unreadable:
    try:
        return ip_address(text)
    except ValueError:
        return Unreadable(f"expected an IP address, not {text}")


def _read_listener(text: str) -> int | Unreadable:
    ports = read_ports(text)
    if isinstance(ports, Unreadable) or len(ports) != 1:
        return Unreadable(f"expected a port from 1 to 65535, not {text}")
    return ports.start


def _read_minutes(text: str) -> int | Unreadable:
    minutes = int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else MOST_MINUTES + 1
    return minutes if minutes <= MOST_MINUTES else Unreadable(f"expected whole minutes such as 60, not {text}")


def _read_page(text: str) -> str | Unreadable:
    host = host_named(text.encode()) if "//" in text else canonical_host(text)
    return Unreadable(f"expected the host or URL of a page, not {text}") if host is None else host


def _read_at(text: str, zone: tzinfo) -> int | Unreadable:
    """POSIX seconds of an ISO 8601 time, by the zone unless it names an offset."""
    wrong = Unreadable(f'expected a time such as "2026-11-23T10:00", not {text}')
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return wrong
    if not 1970 < moment.year < 3000:
        return wrong
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())
