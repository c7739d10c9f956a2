"""Which services are switched off?  One rule file that a command writes, and people may read.

    rules:
      - id: blocked-services-kids
        action: deny
        match: { group: kids, service: [tiktok, games], not: { service: [minecraft] } }
        reason: Switched off

It is a rule file like any other: its name says where in the order it stands, and what it denies is said by its lines.
What is not as the command writes it is left to whoever wrote it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from forward_proxy.errors import RuleFileError
from forward_proxy.matching.services import Catalogue
from forward_proxy.rulefiles.problems import Fault, report
from forward_proxy.rulefiles.tree import Plain, TreeError, read_tree

NAME = "05-services.yaml"

_HEAD = """\
# Written by `forward-proxy services`, which changes it again; other rules belong into other files.
rules:
"""
_REASON = "Switched off"


@dataclass(frozen=True, slots=True)
class Switch:
    """What is blocked for a group, for everybody when it has no name: services and categories, but for some."""

    group: str = ""
    blocked: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"blocked-services-{self.group}" if self.group else "blocked-services"


def blocked(switches: Sequence[Switch], group: str, word: str, catalogue: Catalogue) -> tuple[Switch, ...]:
    """With this service, or all of this category, blocked for the group."""
    before = _of(switches, group)
    but = tuple(name for name in before.but if word not in (name, _category(catalogue, name)))
    if word in before.but:
        return _with(switches, replace(before, but=but))
    return _with(switches, replace(before, blocked=(*_without(before.blocked, word), word), but=but))


def unblocked(switches: Sequence[Switch], group: str, word: str, catalogue: Catalogue) -> tuple[Switch, ...] | None:
    """Without it; a service is taken out of a blocked category.  None when it was not blocked."""
    before = _of(switches, group)
    kept = _without(before.blocked, word)
    but = tuple(name for name in before.but if (category := _category(catalogue, name)) is None or category in kept)
    if _category(catalogue, word) in kept and word not in but:
        but = (*but, word)
    after = replace(before, blocked=kept, but=but)
    return None if after == before else _with(switches, after)


def written(switches: Sequence[Switch]) -> bytes:
    """The file that says so."""
    return (_HEAD + "".join(map(_entry, switches))).encode()


def read_switches(file: str, content: bytes) -> tuple[Switch, ...]:
    """What such a file says.  Raises RuleFileError when somebody else has written in it."""
    try:
        root = read_tree(content)
    except TreeError as error:
        raise RuleFileError(report([Fault(file, error.mark, (), str(error))])) from None
    plain = root.plain()
    entries = plain.get("rules") if isinstance(plain, dict) and list(plain) == ["rules"] else None
    switches = tuple(map(_switch, entries)) if isinstance(entries, list) else (None,)
    sound = tuple(switch for switch in switches if switch is not None)
    # What is written again has lost its comments, too.
    if len(sound) < len(switches) or written(sound) != content.replace(b"\r\n", b"\n"):
        told = "is not as `forward-proxy services` writes it; keep rules of your own in another file"
        raise RuleFileError(report([Fault(file, None, (), told)]))
    return sound


def _entry(switch: Switch) -> str:
    group = f"group: {switch.group}, " if switch.group else ""
    but = f", not: {{ service: [{', '.join(switch.but)}] }}" if switch.but else ""
    match = f"{{ {group}service: [{', '.join(switch.blocked)}]{but} }}"
    return f"  - id: {switch.id}\n    action: deny\n    match: {match}\n    reason: {_REASON}\n"


def _switch(entry: Plain) -> Switch | None:
    match = entry.get("match") if isinstance(entry, dict) else None
    if not isinstance(match, dict):
        return None
    negated, group = match.get("not", {"service": []}), match.get("group", "")
    words, but = _words(match.get("service")), _words(negated.get("service") if isinstance(negated, dict) else None)
    if not isinstance(group, str) or words is None or but is None:
        return None
    return Switch(group, words, but)


def _words(raw: Plain) -> tuple[str, ...] | None:
    words = tuple(word for word in raw if isinstance(word, str)) if isinstance(raw, list) else ()
    return words if isinstance(raw, list) and len(words) == len(raw) else None


def _category(catalogue: Catalogue, word: str) -> str | None:
    """That of the service of this id, if it is one."""
    service = catalogue.services.get(word)
    return service.category if service else None


def _of(switches: Sequence[Switch], group: str) -> Switch:
    return next((switch for switch in switches if switch.group == group), Switch(group))


def _with(switches: Sequence[Switch], changed: Switch) -> tuple[Switch, ...]:
    kept = tuple(changed if switch.group == changed.group else switch for switch in switches)
    all_ = kept if changed in kept else (*kept, changed)
    return tuple(switch for switch in all_ if switch.blocked)


def _without(words: tuple[str, ...], word: str) -> tuple[str, ...]:
    return tuple(each for each in words if each != word)
