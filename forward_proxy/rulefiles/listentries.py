"""What does the `list` of a rule say?  From plain values to where lists are, their format, how often they are renewed.

One mapping is one list; a sequence of them is several that are asked as one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forward_proxy.access.lists.formats import FORMATS
from forward_proxy.matching.conditions import Problem, unknown
from forward_proxy.message.targets import Malformed, parse_target_uri

MAX_TOGETHER = 100

_KEYS = ("source", "format", "refresh")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_LEAST_S, _MOST_S = 600, 90 * 86_400


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One list.  `name` is what people read: the URL, or the path as the rule file's own; `path` is None for a URL.

    `refresh_s` is None when the rule does not say how often a URL is asked again.
    """

    name: str
    path: Path | None
    format: str = "auto"
    refresh_s: int | None = None


def read_lists(raw: object, beside: Path) -> tuple[ListEntry, ...] | tuple[Problem, ...]:
    """The lists that a mapping or a sequence of mappings describes, in their order, or all that is wrong with them."""
    if not isinstance(raw, list):
        read = read_list(raw, beside)
        return (read,) if isinstance(read, ListEntry) else read
    if not raw:
        return (Problem((), "expected a mapping with source, or a sequence of such"),)
    if len(raw) > MAX_TOGETHER:
        return (Problem((), f"more than {MAX_TOGETHER} lists in one entry"),)
    entries: list[ListEntry] = []
    problems: list[Problem] = []
    for place, each in enumerate(raw):
        read = read_list(each, beside)
        if not isinstance(read, ListEntry):
            problems += (Problem((place, *problem.path), problem.text) for problem in read)
        elif any(read.name == entry.name for entry in entries):
            problems.append(Problem((place, "source"), f"{read.name} is in this entry already"))
        else:
            entries.append(read)
    return tuple(problems) or tuple(entries)


def read_list(raw: object, beside: Path) -> ListEntry | tuple[Problem, ...]:
    """The entry that a mapping describes, paths starting at the folder `beside`, or all that is wrong with it."""
    if not isinstance(raw, Mapping):
        return (Problem((), "expected a mapping with source"),)
    problems = [Problem((key,), unknown(str(key), _KEYS, "unknown key")) for key in raw if key not in _KEYS]
    texts: dict[str, str] = {}
    for key, value in raw.items():
        if isinstance(value, str) and value:
            texts[key] = value
        elif key in _KEYS:
            problems.append(Problem((key,), "expected a single value"))
    if "source" not in raw:
        problems.append(Problem((), "source is missing; expected the path or the URL of a list"))
    if (word := texts.get("format", "auto")) not in FORMATS:
        problems.append(Problem(("format",), unknown(word, FORMATS, f"unknown format {word}")))
    refresh_s = _seconds(texts["refresh"]) if "refresh" in texts else None
    if refresh_s is not None and not _LEAST_S <= refresh_s <= _MOST_S:
        problems.append(Problem(("refresh",), f"expected a duration from 10m to 90d such as 24h, not {raw['refresh']}"))
    entry = _entry(texts.get("source", "none"), beside, word, refresh_s)
    if isinstance(entry, Problem):
        problems.append(entry)
    return entry if isinstance(entry, ListEntry) and not problems else tuple(problems)


def _entry(source: str, beside: Path, format_name: str, refresh_s: int | None) -> ListEntry | Problem:
    if not _URL.match(source):
        path = beside / Path(source).expanduser()
        return ListEntry(str(path), path, format_name, refresh_s)
    target = parse_target_uri(source)
    if isinstance(target, Malformed):
        return Problem(("source",), f"expected a path, or an http or https URL; {target.reason}")
    return ListEntry(str(target), None, format_name, refresh_s)


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else 0
