"""Which line of several lists has the last word, when they are one entry of the rules?

As in every blocker an exception of one list frees from the blocks of all, and what is important passes over exceptions.
Among equals the list that is named first has its line told.  Lines are those of all lists in a row (listed.Origins).

What lists do besides blocking each of them does by itself; of what can only be done once the first list has its way.
"""

from dataclasses import dataclass, field, replace

from forward_proxy.access.lists.found import (
    Adding,
    Addition,
    Found,
    LookingInside,
    Removal,
    Removing,
    Replacement,
    Replacing,
    Searched,
)
from forward_proxy.matching.subject import Subject


@dataclass(frozen=True, slots=True)
class Together:
    """The lists in their order, each with the number of lines before its first."""

    lists: tuple[tuple[int, Searched], ...]
    _removing: tuple[tuple[int, Removing], ...] = field(init=False, repr=False, compare=False)
    _adding: tuple[tuple[int, Adding], ...] = field(init=False, repr=False, compare=False)
    _replacing: tuple[tuple[int, Replacing], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, kind in (("_removing", Removing), ("_adding", Adding), ("_replacing", Replacing)):
            object.__setattr__(self, name, tuple(each for each in self.lists if isinstance(each[1], kind)))

    def find(self, subject: Subject) -> Found | None:
        """As one list: what blocks, or what frees from it and from what; None when nothing is said.  Never raises."""
        blocked: Found | None = None
        exception: Found | None = None
        for before, searched in self.lists:
            found = searched.find(subject)
            if found is None:
                continue
            if found.important:
                over = found.overrides and _moved(found.overrides, before)
                return replace(_moved(found, before), overrides=over or self.excepted(subject))
            if found.exception:
                exception = exception or _moved(found, before)
            blocks = found.overrides if found.exception else found
            if blocks is not None and blocked is None:
                blocked = _moved(blocks, before)
        if exception is None and blocked is not None:
            exception = self.excepted(subject)
        if exception is None:
            return blocked
        return Found(exception.line, exception.text, exception=True, overrides=blocked)

    def excepted(self, subject: Subject) -> Found | None:
        for before, searched in self.lists:
            if (found := searched.excepted(subject)) is not None:
                return _moved(found, before)
        return None

    def may_find_inside(self, tunnel: Subject) -> bool:
        return any(isinstance(each, LookingInside) and each.may_find_inside(tunnel) for _, each in self.lists)

    def removals(self, subject: Subject) -> tuple[Removal, ...]:
        return tuple(
            _Moved(removal.line + before, removal) if before else removal
            for before, removing in self._removing
            for removal in removing.removals(subject)
        )

    def additions(self, subject: Subject) -> tuple[Addition, ...]:
        return tuple(
            replace(addition, line=addition.line + before)
            for before, adding in self._adding
            for addition in adding.additions(subject)
        )

    def replacement(self, subject: Subject) -> Replacement | None:
        for before, replacing in self._replacing:
            if (found := replacing.replacement(subject)) is not None:
                return replace(found, line=found.line + before)
        return None


@dataclass(frozen=True, slots=True)
class _Moved:
    """What a line has removed, at its place among the lines of all lists."""

    line: int
    removal: Removal

    @property
    def text(self) -> str:
        return self.removal.text

    def takes(self, parameter: str) -> bool:
        return self.removal.takes(parameter)


def _moved(found: Found, before: int) -> Found:
    return replace(found, line=found.line + before) if before else found
