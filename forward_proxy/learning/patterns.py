"""Which patterns allow these paths, and as little else as can be explained?

`exact` names every path.  `folders` does so, too, up to ten that differ in their last segment alone; more than that are
one pattern with `*` for that segment.  In rules `*` stands for slashes as well, so such a pattern comes with what lies
beyond it, for `not`: nothing is ever wider than one segment.  The same holds for a secret that was masked in a path: it
is `*`, and no slash.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from forward_proxy.traffic.redaction import MASK

type Breadth = Literal["exact", "folders", "hosts"]

MOST_SIBLINGS = 10


@dataclass(frozen=True, slots=True, order=True)
class Pattern:
    """A value of the key `path`, and those that it must not be."""

    glob: str
    beyond: tuple[str, ...] = ()


def patterns(paths: Iterable[str], breadth: Breadth) -> dict[Pattern, list[str]]:
    """Patterns, each with the paths it stands for, in the order of the paths."""
    siblings: dict[tuple[str, str], list[str]] = {}
    for path in sorted(paths):
        siblings.setdefault(_folder(path), []).append(path)
    found: dict[Pattern, list[str]] = {}
    for (folder, end), members in siblings.items():
        if breadth == "folders" and len(members) > MOST_SIBLINGS:
            found.setdefault(_pattern(f"{folder}{MASK}{end}"), []).extend(members)
        else:
            for path in members:
                found.setdefault(_pattern(path), []).append(path)
    return found


def _folder(path: str) -> tuple[str, str]:
    """What comes before the last segment, and the slash behind it if there is one."""
    end = "/" if path.endswith("/") and path != "/" else ""
    return path.removesuffix(end).rpartition("/")[0] + "/", end


def _pattern(path: str) -> Pattern:
    """With `*` where the path has the mask, and `?`, any one character, where it has a star of its own."""
    pieces = [piece.replace("*", "?") for piece in path.split(MASK)]
    beyond = (f"{'*'.join(pieces[:place])}*/*{'*'.join(pieces[place:])}" for place in range(1, len(pieces)))
    return Pattern("*".join(pieces), tuple(beyond))
