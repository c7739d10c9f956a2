"""What was measured, by name: the arithmetic that tables and targets share."""

from collections import defaultdict
from statistics import median

# Values by round, by figure and by the proxy's name.
type Figures = defaultdict[str, defaultdict[str, dict[int, float]]]


def new_figures() -> Figures:
    return defaultdict(lambda: defaultdict(dict))


def ratio(figures: Figures, key: str, one: str, other: str) -> float | None:
    """The median of the rounds' own ratios; None when no round has both."""
    ours, theirs = (figures[key].get(name, {}) for name in (one, other))
    ratios = [ours[number] / theirs[number] for number in ours if theirs.get(number)]
    return median(ratios) if ratios else None


def middle(figures: Figures, key: str, name: str) -> float | None:
    """The median; None when nothing was measured."""
    values = figures[key].get(name)
    return median(values.values()) if values else None
