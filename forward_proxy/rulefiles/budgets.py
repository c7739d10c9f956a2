"""What does the `budget` of a rule say?  From plain values to minutes, whose they are, and when a new day begins."""

from collections.abc import Mapping
from datetime import tzinfo

from forward_proxy.access.budgets import MOST_MINUTES, Budget, Per
from forward_proxy.matching.conditions import Problem, Unreadable, unknown
from forward_proxy.matching.times import MIDNIGHT, read_clock, read_zone

_KEYS = ("minutes", "per", "resets", "zone")
_PER: Mapping[str, Per] = {"client": "client", "group": "group"}


def read_budget(raw: object, rule: str, zone: tzinfo) -> Budget | tuple[Problem, ...]:
    """The budget that a mapping describes, times by `zone` unless it names one, or all that is wrong with it."""
    if not isinstance(raw, Mapping):
        return (Problem((), "expected a mapping with minutes"),)
    problems = [Problem((key,), unknown(str(key), _KEYS, "unknown key")) for key in raw if key not in _KEYS]
    texts: dict[str, str] = {}
    for key, value in raw.items():
        if isinstance(value, str) and value:
            texts[key] = value
        elif key in _KEYS:
            problems.append(Problem((key,), "expected a single value"))
    minutes = _minutes(texts.get("minutes", "1"))
    if "minutes" not in raw:
        problems.append(Problem((), "minutes is missing; expected how many a day"))
    elif isinstance(minutes, Unreadable):
        problems.append(Problem(("minutes",), minutes.text))
    per = texts.get("per", "client")
    if per not in _PER:
        problems.append(Problem(("per",), f"expected client, or group for all whom the rule matches, not {per}"))
    resets = read_clock(texts.get("resets", "00:00"))
    if isinstance(resets, Unreadable) or resets == MIDNIGHT:
        problems.append(Problem(("resets",), f'expected a time of day such as "04:00", not {texts["resets"]}'))
    named = read_zone(texts["zone"]) if "zone" in texts else zone
    if isinstance(named, Unreadable):
        problems.append(Problem(("zone",), named.text))
    if problems or isinstance(minutes, Unreadable) or isinstance(resets, Unreadable) or isinstance(named, Unreadable):
        return tuple(problems)
    return Budget(rule, minutes, _PER[per], resets, named)


def _minutes(text: str) -> int | Unreadable:
    minutes = int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0
    whole = Unreadable(f"expected whole minutes from 1 to {MOST_MINUTES}, such as 60, not {text}")
    return minutes if 1 <= minutes <= MOST_MINUTES else whole
