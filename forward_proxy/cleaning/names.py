"""Which query parameters are meant?  By name or the beginning of one, whatever its case.

A parameter is what stands between two `&` of the query; its name ends at the first `=`.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Names and beginnings in lower case, as a canonical target spells them."""

    exact: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, spelled: Iterable[str]) -> "Names":
        """Of names, those that end in `*` being beginnings."""
        lowered = [name.lower() for name in spelled]
        exact = frozenset(name for name in lowered if not name.endswith("*"))
        return cls(exact, tuple(name[:-1] for name in lowered if name.endswith("*")))

    def __contains__(self, name: str) -> bool:
        lowered = name.lower()
        return lowered in self.exact or lowered.startswith(self.beginnings)


def name_of(parameter: str) -> str:
    return parameter.partition("=")[0]
