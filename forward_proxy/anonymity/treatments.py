"""Which treatment has a field name?  One direction's rows at one level, compiled for look-up by lower-case name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from forward_proxy.anonymity.treatment import KEEP, Row, Treatment

type Plan = tuple[tuple[bytes, Treatment], ...]

_LONGEST_REMEMBERED_BYTES = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Treatments:
    """`exact` wins over `beginnings` and `endings`, which hold a tuple each for bytes.startswith and endswith."""

    exact: dict[bytes, Treatment]
    beginnings: tuple[bytes, ...]
    endings: tuple[bytes, ...]
    families: dict[bytes, Treatment]
    adding: tuple[bytes, ...]

    def plan(self, names: tuple[bytes, ...]) -> Plan:
        """Each name once that is not simply kept, in order; remembered, since clients repeat themselves."""
        short = sum(map(len, names)) <= _LONGEST_REMEMBERED_BYTES
        return _remembered_plan(self, names) if short else _plan(self, names)

    def find(self, name: bytes) -> Treatment:
        if (treatment := self.exact.get(name)) is not None:
            return treatment
        if name.startswith(self.beginnings):
            return next(self.families[start] for start in self.beginnings if name.startswith(start))
        if name.endswith(self.endings):
            return next(self.families[end] for end in self.endings if name.endswith(end))
        return KEEP


def compiled(rows: Iterable[Row], level: Callable[[Row], Treatment]) -> Treatments:
    """The treatments of all rows, each row's chosen by `level`."""
    by_name = {name.lower().encode("ascii"): level(row) for row in rows for name in row.names}
    exact = {name: treatment for name, treatment in by_name.items() if b"*" not in name}
    families = {name.strip(b"*"): treatment for name, treatment in by_name.items() if b"*" in name}
    return Treatments(
        exact,
        beginnings=tuple(name[:-1] for name in by_name if name.endswith(b"*")),
        endings=tuple(name[1:] for name in by_name if name.startswith(b"*")),
        families=families,
        adding=tuple(name for name, treatment in exact.items() if treatment.adds),
    )


def _plan(treatments: Treatments, names: tuple[bytes, ...]) -> Plan:
    found = ((name, treatments.find(name)) for name in dict.fromkeys((*names, *treatments.adding)))
    return tuple((name, treatment) for name, treatment in found if treatment is not KEEP)


_remembered_plan = lru_cache(maxsize=1024)(_plan)
