"""How does a rule file come to allow what is new, and nothing that stands in it is lost?

What the file decides already stays as it is: what it allows needs nothing, and what one of its rules denies is denied
on purpose.  Only what falls through to its end, or to the entry there that denies everything, is new.  Lines are put
in, before that entry; no line is changed or taken away, so comments and order stay.  What comes out is read again, and
has to allow what was put in.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.errors import RuleFileError
from forward_proxy.learning.entries import Entries, entries_for
from forward_proxy.learning.judging import subject
from forward_proxy.learning.patterns import Breadth
from forward_proxy.learning.seen import Asked, Evidence, Found, Origin
from forward_proxy.learning.writing import inspect_lines, rule_lines
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.rules import Rules
from forward_proxy.rulefiles.tree import Node, read_tree

type Compile = Callable[[bytes], Rules]
# At a name that is reserved to mean nothing (RFC 6761 §6.4).
_ANYTHING = Asked(Origin("not-learned.invalid", 443, "https"), "/", "GET")
_DASH = re.compile(r"^( *)- ")


class NotMergeable(ValueError):
    """The file is sound, and yet nothing can be put into it; why."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The new text, the entries that are new in it, and what stays denied, by which rule."""

    text: str
    entries: Entries
    stays_denied: tuple[tuple[Asked, RuleRef], ...]


def merged(text: str, found: Found, breadth: Breadth, at: int, compile_file: Compile) -> Merged:
    """`compile_file` reads the text of the file as the only one there is, with nothing allowed by default.

    Raises NotMergeable, and what `compile_file` does.
    """
    rules = compile_file(text.encode())
    last = _catch_all(rules)
    new: Found = {}
    denied: list[tuple[Asked, RuleRef]] = []
    for asked, evidence in found.items():
        match rules.access.decide(subject(asked, at)):
            case Denied(rule=None):
                new[asked] = evidence
            case Denied(rule=rule) if rule == last:
                new[asked] = evidence
            case Denied(rule=RuleRef() as rule):
                denied.append((asked, rule))
            case Allowed():
                pass
    entries = entries_for(new, breadth, (choice.where.id for choice in rules.access.rules if choice.where.id))
    if not entries.rules:
        return Merged(text, entries, tuple(denied))
    changed = _put_in(text, "rules", lambda indent: rule_lines(entries.rules, indent), last)
    if entries.inspect:
        changed = _put_in(changed, "inspect", lambda indent: inspect_lines(entries.inspect, indent), None)
    try:
        after = compile_file(changed.encode())
    except RuleFileError as fault:
        raise NotMergeable(f"with the entries in it, it would not be sound:\n{fault}") from fault
    for asked in new.keys() - set(entries.too_long):
        if isinstance(after.access.decide(subject(asked, at)), Denied):
            raise NotMergeable(f"an entry for {asked} would not come to be asked")
    return Merged(changed, entries, tuple(denied))


def check_mergeable(text: str, compile_file: Compile) -> None:
    """Raises NotMergeable when nothing that is new could be put into this sound file."""
    merged(text, {_ANYTHING: Evidence(1, 0.0)}, "exact", 0, compile_file)


def _catch_all(rules: Rules) -> RuleRef | None:
    """The entry at the end that denies everything, if there is one."""
    last = rules.access.rules[-1] if rules.access.rules else None
    return last.where if last and last.value == "deny" and last.matcher == Matcher() else None


def _put_in(text: str, section: str, lines: Callable[[int], list[str]], before: RuleRef | None) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    old = text.split(end)
    tree = read_tree(text.encode())
    sections: dict[str, Node] = tree.value if isinstance(tree.value, dict) else {}
    entries = sections[section].value if section in sections else None
    if section not in sections:
        above = text.rstrip()
        return end.join([*([above, ""] if above else []), f"{section}:", *lines(2), ""])
    first = entries[0].mark.line if isinstance(entries, tuple) and entries else 0
    dash = _DASH.match(old[first - 1]) if first else None
    if dash is None:
        raise NotMergeable(f"{section} is no list with a dash before each entry")
    if before is not None:
        place = _above_comments(old, before.line - 1)
    else:
        following = [mark.line for name, mark in tree.key_marks.items() if mark.line > first and name != section]
        place = _last_written(old, min(following, default=len(old) + 1) - 1)
    return end.join([*old[:place], *lines(len(dash[1])), *old[place:]])


def _above_comments(lines: Sequence[str], place: int) -> int:
    """Above the comments that belong to this line."""
    while place and lines[place - 1].lstrip().startswith("#"):
        place -= 1
    return place


def _last_written(lines: Sequence[str], place: int) -> int:
    """Behind the last line before this place that is neither empty nor a comment at the margin."""
    while place and (not lines[place - 1].strip() or lines[place - 1].startswith("#")):
        place -= 1
    return place
