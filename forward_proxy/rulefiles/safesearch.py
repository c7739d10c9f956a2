"""What does an entry of `safe_search:` say beside its match?  From plain values to a SafeSearch, or what is wrong."""

from collections.abc import Mapping
from typing import Any

from forward_proxy.access.engines import ENGINES
from forward_proxy.access.safesearch import SafeSearch
from forward_proxy.matching.conditions import Problem, unknown

KEYS = ("action", "engines", "youtube")

_ACTIONS = {"always": True, "never": False}
_STRICTNESS = ("strict", "moderate")


def read_safe_search(given: Mapping[str, object], where: str) -> SafeSearch | tuple[Problem, ...]:
    """The entry at this place; `given` are its keys, other ones left aside."""
    problems: list[Problem] = []
    action, youtube = given.get("action"), given.get("youtube", "strict")
    if not isinstance(action, str) or action not in _ACTIONS:
        told = "action is missing; " if "action" not in given else ""
        problems.append(Problem(("action",) if action is not None else (), f"{told}expected always or never"))
    if youtube not in _STRICTNESS:
        problems.append(Problem(("youtube",), "expected strict or moderate"))
    engines = _engines(given.get("engines", "all"), problems)
    if "youtube" in given and (action == "never" or "youtube" not in engines):
        problems.append(Problem(("youtube",), "has no meaning where YouTube is not locked"))
    strictness: Any = youtube
    return tuple(problems) or SafeSearch(engines, action == "always", strictness)


def _engines(raw: object, problems: list[Problem]) -> frozenset[str]:
    if raw in ("all", ["all"]):
        return frozenset(ENGINES)
    members = raw if isinstance(raw, list) else [raw]
    if not members:
        problems.append(Problem(("engines",), "expected all, or at least one engine"))
    for place, member in enumerate(members):
        path: tuple[str | int, ...] = ("engines", place) if isinstance(raw, list) else ("engines",)
        if not isinstance(member, str):
            problems.append(Problem(path, f"expected all, or one of {', '.join(ENGINES)}"))
        elif member not in ENGINES:
            problems.append(Problem(path, unknown(member, ENGINES, f"{member} is no engine that is known here")))
    return frozenset(ENGINES).intersection(member for member in members if isinstance(member, str))
