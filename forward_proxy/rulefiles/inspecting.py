"""What does the author of an `inspect` entry expect of all entries together?  A URL, and whether its TLS is opened.

What an entry leaves out is what it is in `expect` of rules.  The setting `inspect: off`, and what clients refused, are
left out of account: this is about the entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.conditions import Problem, unknown
from forward_proxy.matching.subject import Subject
from forward_proxy.rulefiles.expectations import read_expectation

_KEYS = ("never", "always", "at", "client")


@dataclass(frozen=True, slots=True)
class Opening:
    """A tunnel, and whether its TLS ought to be opened."""

    opened: bool
    tunnel: Subject

    def disappointment(self, inspect: Sequence[Choice[str]]) -> str | None:
        """What becomes of it instead; None when it is what is expected."""
        choice = first_match(inspect, self.tunnel)
        if (choice is None or choice.value == "always") == self.opened:
            return None
        wanted, got = ("opened", "not opened") if self.opened else ("not opened", "opened")
        by = f"by the entry at {choice.where}" if choice else "since no entry matches"
        return f"expected {self.tunnel.url} to be {wanted}, but it is {got} {by}"


def read_opening(raw: object, zone: tzinfo) -> Opening | tuple[Problem, ...]:
    """The expectation that a mapping describes, or all that is wrong with it."""
    if not isinstance(raw, Mapping) or ("never" in raw) == ("always" in raw):
        return (Problem((), "expected a mapping with either never or always, and an https URL"),)
    strange = tuple(Problem((key,), unknown(str(key), _KEYS, "unknown key")) for key in raw if key not in _KEYS)
    if strange:
        return strange
    wanted = "never" if "never" in raw else "always"
    # Everything else is as in `expect` of rules, so that is what reads it.
    read = read_expectation({("allow" if key == wanted else key): value for key, value in raw.items()}, zone)
    if isinstance(read, tuple):
        return tuple(Problem(_renamed(problem.path, wanted), problem.text) for problem in read)
    if read.tunnel is None:
        return (Problem((wanted,), "expected an https URL; only TLS is opened"),)
    return Opening(wanted == "always", read.tunnel)


def _renamed(path: tuple[str | int, ...], wanted: str) -> tuple[str | int, ...]:
    return tuple(wanted if step == "allow" else step for step in path)
