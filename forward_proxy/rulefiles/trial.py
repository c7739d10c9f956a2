"""Which rules would be in force with another edition of a list?  Asked before an edition is taken."""

from dataclasses import dataclass

from forward_proxy.access.options import Action
from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.editions import Edition, Unusable, kept_edition
from forward_proxy.rulefiles.opened import Loaded, Opened
from forward_proxy.rulefiles.rules import Rules, compiled
from forward_proxy.rulefiles.shelf import Entries, Shelf


@dataclass(frozen=True, slots=True)
class Trial:
    """The list as it would be, or why it cannot be used; the rules with it, or what is not sound about them."""

    loaded: Loaded | Unusable
    rules: Rules | RuleFileError


def try_edition(rules: Rules, shelf: Shelf, name: str, octets: bytes, default: Action) -> Trial:
    """The rules with these octets as the edition of the list of that name.  Never raises for what a list says."""
    shelf.lend(rules.opened)
    beside = _Beside(rules, shelf, name, octets)
    try:
        then: Rules | RuleFileError = compiled(rules.sources, default=default, shelf=beside)
    except RuleFileError as fault:
        then = fault
    return Trial(beside.loaded, then)


class _Beside(Shelf):
    """The lists that are in force, with another edition of one of them."""

    def __init__(self, rules: Rules, shelf: Shelf, name: str, octets: bytes) -> None:
        super().__init__()
        self._opened = {tuple(loaded.entry for loaded in opened.lists): opened for opened in rules.opened}
        self._shelf = shelf
        self._name = name
        self._octets = octets
        self.loaded: Loaded | Unusable = Unusable("no rule names it")

    def open(self, entries: Entries, manifest: str | None = None) -> Opened | Unusable:
        if all(entry.name != self._name for entry in entries):
            return self._opened[entries]
        place = next(place for place, entry in enumerate(entries) if entry.name == self._name)
        opened = self._with_edition(entries)
        self.loaded = opened if isinstance(opened, Unusable) else opened.lists[place]
        return opened

    def _with_edition(self, entries: Entries) -> Opened | Unusable:
        editions: list[Edition | None] = []
        for place, entry in enumerate(entries):
            is_new = entry.name == self._name
            found = kept_edition(entry, self._octets) if is_new else self._shelf.edition(entry)
            if isinstance(found, Unusable):
                return Unusable(found.reason, place)
            editions.append(found)
        return self._shelf.put_together(entries, editions)
