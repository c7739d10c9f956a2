"""What was found: how bad it is, what it is about, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """OK and NOTE need nothing; NOTE says what cannot be known, or is somebody's choice."""

    OK = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and how to mend it, a command as a rule; none where there is nothing to mend."""

    level: Level
    about: str
    text: str
    fix: str = ""


def exit_code(findings: Iterable[Finding]) -> int:
    """0 nothing to mend, 1 warnings, 2 errors."""
    worst = max((finding.level for finding in findings), default=Level.OK)
    return max(0, worst - Level.NOTE)
