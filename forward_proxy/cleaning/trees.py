"""What does a JSON text say, and in which lines?  Mappings, lists and text, as rule files have them.

Python's reader keeps no places.  But strings stand in a text in the order in which they are read, so that their lines
are found beside it.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_CHARACTERS = 8 * 1024 * 1024
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line it begins in, from 1; numbers are text, and true and false are `true` and `false`."""

    value: "str | tuple[Node, ...] | dict[str, Node] | None"
    line: int = 1

    @property
    def members(self) -> "dict[str, Node]":
        """Those of a mapping; of anything else there are none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "tuple[Node, ...]":
        """Those of a list; of anything else there are none."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def text(self) -> str:
        return self.value if isinstance(self.value, str) else ""


class _Pairs(list[tuple[str, Any]]):
    """A mapping as it is written: a key that is given twice is there twice."""


def read_json(text: str) -> Node | None:
    """The tree of a text; None when it is no JSON that we read.  Never raises."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        raw = json.loads(text, object_pairs_hook=_Pairs, parse_int=_Bare, parse_float=_Bare, parse_constant=_Bare)
        return _Placed(text).node(raw, 1)
    except (ValueError, RecursionError, StopIteration):
        return None


class _Bare(str):
    """A number, which is no string of the text."""

    __slots__ = ()


class _Placed:
    def __init__(self, text: str) -> None:
        self._feeds = [place for place, char in enumerate(text) if char == "\n"]
        self._strings: Iterator[re.Match[str]] = _STRING.finditer(text)

    def node(self, raw: object, line: int) -> Node:
        match raw:
            case _Pairs():
                members: dict[str, Node] = {}
                for key, value in raw:
                    line = self._next_line()
                    members[key] = self.node(value, line)
                return Node(members, next(iter(members.values())).line if members else line)
            case list():
                return Node(tuple(self.node(member, line) for member in raw), line)
            case _Bare():
                return Node(str(raw), line)
            case str():
                return Node(raw, self._next_line())
            case None:
                return Node(None, line)
            case _:
                return Node(str(raw).lower(), line)

    def _next_line(self) -> int:
        return bisect_right(self._feeds, next(self._strings).start()) + 1
