"""What does an entry of `tracking:` say beside its match?  From plain values to a treatment, or all that is wrong.

`keep` names parameters or means all; `remove` names parameters or a list; `unwrap` names parameters that hold a URL.
What an entry expects is a target, and what it becomes where a person goes to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from ipaddress import ip_address
from typing import Literal

from forward_proxy.access.lists.found import Removing
from forward_proxy.access.lists.listed import Listed, NotThere
from forward_proxy.cleaning import Catalogue, Keep, Names, Remove, Tracking, Treatment, Unwrap
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.conditions import Problem, unknown
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri, target_uri
from forward_proxy.rulefiles.expectations import DEFAULT_AT, DEFAULT_CLIENT

KEYS = ("parameters", "list", "expect")
_EXPECTED = ("url", "becomes")
_AS_A_PAGE = FieldSection(((b"sec-fetch-dest", b"document"),))

type Action = Literal["keep", "remove", "unwrap"]


def read_treatment(
    action: Action, given: Mapping[str, object], listed: Listed | None
) -> Treatment | tuple[Problem, ...]:
    """The treatment of an entry with these keys and this list."""
    if "list" in given and action != "remove":
        return (Problem(("list",), f"has no meaning for {action}"),)
    if listed is not None and not isinstance(listed.searched, Catalogue | Removing | NotThere):
        return (Problem(("list", "source"), f"{listed.name}: nothing on it is about query parameters"),)
    if "list" in given:
        if "parameters" in given:
            return (Problem(("parameters",), "has no meaning beside a list"),)
        return Remove(listed=listed) if listed is not None else ()
    if "parameters" not in given:
        wanted = "parameters or list" if action == "remove" else "parameters"
        return Keep() if action == "keep" else (Problem((), f"{wanted} is missing"),)
    problems: list[Problem] = []
    names = Names.of(_names(given["parameters"], problems))
    if problems:
        return tuple(problems)
    return Keep(names) if action == "keep" else Remove(names) if action == "remove" else Unwrap(names)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """A target that a person goes to, and what it ought to become."""

    target: TargetUri
    becomes: str

    def disappointment(self, tracking: Tracking, zone: tzinfo) -> str | None:
        """What it becomes instead; None when it is what is expected."""
        head = RequestHead("GET", self.target, _AS_A_PAGE)
        at = int(datetime.fromisoformat(DEFAULT_AT).replace(tzinfo=zone).timestamp())
        client = KnownClient(ip_address(DEFAULT_CLIENT))
        cleaned = tracking.clean(head, subject_of(head, client, at), navigation=True)
        location = str(self.target) if cleaned is None or cleaned.left else cleaned.location
        if location == self.becomes:
            return None
        left = f", left alone as {cleaned.left}" if cleaned is not None and cleaned.left else ""
        return f"expected {self.target} to become {self.becomes}, but it becomes {location}{left}"


def read_cleaning(raw: object) -> Cleaning | tuple[Problem, ...]:
    """The expectation that a mapping describes, or all that is wrong with it."""
    if not isinstance(raw, Mapping) or not all(isinstance(raw.get(key), str) for key in _EXPECTED):
        return (Problem((), "expected a mapping with url and becomes"),)
    problems = [Problem((key,), unknown(str(key), _EXPECTED, "unknown key")) for key in raw if key not in _EXPECTED]
    targets = []
    for key in _EXPECTED:
        text, mark, fragment = str(raw[key]).partition("#")
        target = parse_target_uri(text)
        if isinstance(target, Malformed):
            problems.append(Problem((key,), f"expected an http or https URL; {target.reason}"))
        else:
            targets.append((target, f"{target}{mark}{fragment}"))
    return tuple(problems) or Cleaning(targets[0][0], targets[1][1])


def _names(raw: object, problems: list[Problem]) -> Iterator[str]:
    """Names of query parameters as they are spelled in a canonical target."""
    members: Sequence[object] = raw if isinstance(raw, list) else [raw]
    if not members:
        problems.append(Problem(("parameters",), "expected at least one name"))
    for place, text in enumerate(members):
        where = ("parameters", place) if isinstance(raw, list) else ("parameters",)
        if not isinstance(text, str) or text == "*" or "*" in text[:-1] or any(sign in text for sign in "=&#?"):
            wanted = "expected the name of a query parameter, or its beginning and *"
            problems.append(Problem(where, f"{wanted}, not {text}" if isinstance(text, str) else wanted))
        elif isinstance(canonical := target_uri("http", "name", None, f"/?{text}"), Malformed):
            problems.append(Problem(where, canonical.reason))
        else:
            yield canonical.query or ""
