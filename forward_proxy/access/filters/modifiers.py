"""What does a filter do besides blocking?  `removeparam`, `redirect`, `csp` and `permissions`, as in uBlock Origin.

Filters with one of these are filed apart from those that block and except, but for `redirect`, which blocks as well.
An exception with one frees from the filters that say the same, and without a value from all of its kind.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from forward_proxy.access.filters.report import Refused
from forward_proxy.access.surrogates import canonical_name
from forward_proxy.matching.automata import Automaton

type Kind = Literal["removeparam", "redirect", "csp", "permissions"]

_NAMES: dict[str, Kind] = {
    **dict.fromkeys(("removeparam", "queryprune"), "removeparam"),
    **dict.fromkeys(("redirect", "redirect-rule", "rewrite", "empty", "mp4"), "redirect"),
    "csp": "csp",
    "permissions": "permissions",
}
# What is added to responses, as field lines of these names.
FIELDS: dict[Kind, bytes] = {"csp": b"content-security-policy", "permissions": b"permissions-policy"}
_ABP = "abp-resource:"
_PRIORITY = re.compile(r"(.*):(-?[0-9]{1,9})")
_EXPRESSION = re.compile(r"(~?)/(.+)/(i?)", re.DOTALL)
# What a field value may hold; a comma would make two policies of one.
_POLICY = re.compile(r"[\x21-\x2b\x2d-\x7e](?:[\x20-\x2b\x2d-\x7e]*[\x21-\x2b\x2d-\x7e])?")
_REPORTS = re.compile(r"\breport-(?:to|uri)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Modifier:
    """`value` is in the one spelling by which exceptions find it, empty for every parameter or, in an exception, every
    filter of the kind.  A surrogate has a `priority`; `blocks` when it is not for what others block alone."""

    kind: Kind
    value: str
    priority: int = 0
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Parameters:
    """Query parameters by name, by an expression, or all with neither; `others` means all but those."""

    name: str = ""
    expression: str = ""
    others: bool = False

    @classmethod
    def of(cls, value: str) -> "Parameters":
        """Those that the value of `removeparam` means; `|text` is what uBlock had before expressions."""
        if found := _EXPRESSION.fullmatch(value):
            return cls("", f"(?{found[3]}){found[2]}" if found[3] else found[2], bool(found[1]))
        if value.startswith("|"):
            return cls("", f"(?i)^{re.escape(value[1:])}")
        return cls(value.removeprefix("~"), others=value.startswith("~"))


@dataclass(frozen=True, slots=True)
class Removal:
    """The line of a list that has query parameters removed; the automaton is that of its expression."""

    line: int
    text: str
    parameters: Parameters
    automaton: Automaton | None = None

    def takes(self, parameter: str) -> bool:
        """Whether this parameter goes: "name=value" or "name", as it stands in the query.

        Names are compared as they are, expressions with the value decoded.
        """
        name, _, value = parameter.partition("=")
        if self.automaton is not None:
            found = self.automaton.found_in(f"{name}={_decoded(value)}")
        else:
            found = self.parameters.name in ("", name)
        return found is not self.parameters.others


def _decoded(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value


def is_modifier(option: str) -> bool:
    """Whether an option of this name makes a filter do something else."""
    return option in _NAMES


def read_modifier(option: str, value: str) -> Modifier | Refused:
    """What an option of one of these names says.  Never raises."""
    match _NAMES[option]:
        case "removeparam":
            return _removal(value.replace("\\,", ","))
        case "redirect":
            return _redirect(option, value)
        case kind:
            return _policy(kind, value)


def unfit(modifier: Modifier) -> Refused | None:
    """Why a filter that is no exception cannot have this; None when it can."""
    if modifier.kind != "removeparam" and not modifier.value:
        return Refused(modifier.kind, "without a value it is for exceptions only")
    if modifier.kind == "redirect" and not modifier.blocks and not canonical_name(modifier.value):
        return Refused("redirect", f"no surrogate is called {modifier.value[:80]}")
    return None


def _removal(value: str) -> Modifier | Refused:
    if value in ("~", "|", "~/", "/", "//"):
        return Refused("removeparam", "expected the name of a parameter, or /expression/")
    if value.removeprefix("~").startswith("/") and not _EXPRESSION.fullmatch(value):
        return Refused("removeparam", "expected /expression/, with i behind it or nothing")
    if "|" in value[1:] and not _EXPRESSION.fullmatch(value):
        return Refused("removeparam", "one parameter only; for several an expression")
    return Modifier("removeparam", value)


def _redirect(option: str, value: str) -> Modifier | Refused:
    if option in ("empty", "mp4"):
        if value:
            return Refused("redirect", f"{option} has no value")
        value = {"empty": "empty", "mp4": "noop-1s.mp4"}[option]
    elif option == "rewrite":
        if not value.startswith(_ABP):
            return Refused("redirect", f"rewrite= to {_ABP} only")
        value = value.removeprefix(_ABP)
    priority = 0
    if found := _PRIORITY.fullmatch(value):
        value, priority = found[1], int(found[2])
    return Modifier("redirect", canonical_name(value) or value, priority, option != "redirect-rule")


def _policy(kind: Kind, value: str) -> Modifier | Refused:
    if value and not _POLICY.fullmatch(value):
        return Refused(kind, "expected a policy, of printable ASCII and without a comma")
    if _REPORTS.search(value):
        return Refused(kind, "a policy that reports would tell somebody of this page")
    return Modifier(kind, value.replace("|", ", ") if kind == "permissions" else value)
