"""Does the path fit one of these patterns?

`*` stands for any run of characters, slashes included, so that a denied `/ads/*` holds for all that lies below;
`?` for exactly one, where an escape such as `%2F` counts as one.  The whole path must fit, case counts, the query is
no part of it.  Patterns are put in canonical form like paths, and runs of slashes are one slash on both sides: origins
take them for one, so `//ads/x` must not pass a rule about `/ads/`.

Each run stops at the first place where the fixed piece after it fits and never tries another (atomic groups), which
finds a fit whenever there is one and costs no more than the length of path times pattern.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.subject import Subject
from forward_proxy.message.targets import Malformed, target_uri

MAX_PATTERN = 1000

_SLASHES = re.compile(r"//+")
_DOT_SEGMENT = re.compile(r"(^|/)\.\.?(/|$)")
_ONE = "(?>%[0-9A-F]{2}|.)"
# A noncharacter holds the place of `?`, which would begin a query; it is not for interchange, so no path has it.
_STAND_IN, _STAND_IN_ESCAPED = "\ufdd0", "%EF%B7%90"


@dataclass(frozen=True, slots=True)
class Paths:
    """The key `path`; inside a tunnel no path is known."""

    patterns: tuple[re.Pattern[str], ...]
    key: ClassVar[str] = "path"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, patterns: Sequence[re.Pattern[str]]) -> "Paths":
        return cls(tuple(patterns))

    def holds(self, subject: Subject) -> bool | None:
        if subject.is_tunnel:
            return None
        path = folded(subject.path)
        for pattern in self.patterns:  # noqa: SIM110 -- any() takes twice as long
            if pattern.match(path):
                return True
        return False


def folded(path: str) -> str:
    """The path with every run of slashes as one."""
    return _SLASHES.sub("/", path) if "//" in path else path


def read_path(text: str) -> re.Pattern[str] | Unreadable:
    if not text.startswith(("/", "*")):
        return Unreadable(f"expected a path that begins with / or *, not {text}")
    if len(text) > MAX_PATTERN:
        return Unreadable(f"longer than {MAX_PATTERN} characters")
    if "#" in text or _STAND_IN in text:
        return Unreadable("a path has no fragment; write a literal # as %23")
    if _DOT_SEGMENT.search(text):
        return Unreadable("no canonical path has a . or .. segment, so nothing could match")
    canonical = target_uri("http", "pattern", None, "/" + text.replace("?", _STAND_IN))
    if isinstance(canonical, Malformed):
        return Unreadable("white space or control character in a path; write it as its escape")
    glob = folded(canonical.path)
    return _compiled(glob if text.startswith("/") else glob[1:])


def _compiled(glob: str) -> re.Pattern[str]:
    first, *runs = (_fixed(piece) for piece in re.split(r"\*+", glob))
    if not runs:
        return re.compile(rf"{first}\Z", re.DOTALL)
    middle = "".join(f"(?>{_ONE}*?{piece})" for piece in runs[:-1])
    # The last piece may fit early and again at the end, so this run alone may go on.
    return re.compile(rf"{first}{middle}{_ONE}*?{runs[-1]}\Z", re.DOTALL)


def _fixed(piece: str) -> str:
    return _ONE.join(re.escape(part) for part in piece.split(_STAND_IN_ESCAPED))
