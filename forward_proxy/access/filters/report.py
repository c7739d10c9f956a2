"""What did reading a list come to?  Every line is accounted for, and every ignored filter has its line and reason."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """A filter that is not acted on: the kind of thing that stands in the way, and why."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A line that is not acted on."""

    line: int
    text: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a list holds.

    `filters` counts those in force, `cosmetic` those that hide parts of pages, `duplicates` lines said before,
    `removed` filters that a badfilter took out, `conditional` lines inside an `!#if` that does not hold.
    """

    name: str
    lines: int = 0
    filters: int = 0
    cosmetic: int = 0
    duplicates: int = 0
    removed: int = 0
    conditional: int = 0
    ignored: tuple[Ignored, ...] = ()

    @property
    def kinds(self) -> dict[str, int]:
        """How many lines were ignored of each kind, most first."""
        return dict(Counter(line.kind for line in self.ignored).most_common())
