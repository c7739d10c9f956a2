"""How is a mistake in a rule file told?  `FILE:LINE:COLUMN: where in the file: what is wrong`, one a line."""

from collections.abc import Sequence
from dataclasses import dataclass

from forward_proxy.rulefiles.tree import Mark, Path

MAX_SHOWN = 500
MAX_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake; `mark` is None when it is about the file as a whole."""

    file: str
    mark: Mark | None
    path: Path
    text: str

    def __str__(self) -> str:
        place = self.file if self.mark is None else f"{self.file}:{self.mark.line}:{self.mark.column}"
        return _one_line(": ".join(part for part in (place, path_text(self.path), self.text) if part))


def path_text(path: Path) -> str:
    """`rules[1].match.host`; places in lists count from 0."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def report(faults: Sequence[Fault]) -> str:
    """Every fault on a line of its own."""
    lines = [str(fault) for fault in faults[:MAX_SHOWN]]
    if len(faults) > MAX_SHOWN:
        lines.append(f"and {len(faults) - MAX_SHOWN} more")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Without what would break or forge a line of the report: the text quotes files."""
    clean = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[: MAX_LENGTH + 1])
    return clean if len(text) <= MAX_LENGTH else f"{clean[:MAX_LENGTH]}…"
