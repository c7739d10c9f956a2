"""What does an entry of `cache:` say beside its match?  From plain values to an Override, or all that is wrong.

Seconds are whole numbers.  What `match` may name is for the sections to say; which words need the request alone is
said here, because a response cannot change what it was looked up by.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from forward_proxy.caching.overrides import IGNORABLE, KeyRule, Override
from forward_proxy.matching.conditions import Problem, unknown
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri, target_uri

KEYS = ("bypass", "min_fresh_s", "max_fresh_s", "negative_s", "ignore", "key", "pin")
# Settled before there is a response.
OF_THE_REQUEST = ("bypass", "key")

_KEY_KEYS = ("drop_query", "sort_query", "same_as")
_MOST_SECONDS = 2**31
_BESIDE = re.compile(r"#|//[^/?#]*@")
_HAS_PATH = re.compile(r"[^/]*//[^/?#]*[/?#]")

type Path = tuple[str | int, ...]


def read_override(given: Mapping[str, object], where: str) -> Override | tuple[Problem, ...]:
    """The override of an entry at this place; `given` are its keys, other ones left aside."""
    reader = _Reader()
    override = reader.override({key: given[key] for key in KEYS if key in given}, where)
    return tuple(reader.problems) or override


@dataclass(slots=True)
class _Reader:
    """Collects problems on the way; what it returns is worth something only when there are none."""

    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, text: str) -> None:
        self.problems.append(Problem(path, text))

    def override(self, given: Mapping[str, object], where: str) -> Override:
        if not given:
            self.problem((), f"expected at least one of {', '.join(KEYS)}")
        made: dict[str, Any] = {key: _READERS[key](self, value, (key,)) for key, value in given.items()}
        if "bypass" in given and len(given) > 1:
            self.problem(("bypass",), "nothing else has a meaning beside it")
        least, most = made.get("min_fresh_s"), made.get("max_fresh_s")
        if least is not None and most is not None and least > most:
            self.problem(("min_fresh_s",), f"more than max_fresh_s, which is {most}")
        if isinstance(rule := made.get("key"), KeyRule):
            made["key"] = replace(rule, where=where)
        return Override(where, **made)

    def true(self, raw: object, path: Path) -> bool:
        if raw != "true":
            self.problem(path, f"expected true, not {raw}" if isinstance(raw, str) else "expected true")
        return True

    def seconds(self, raw: object, path: Path) -> int | None:
        if isinstance(raw, str) and re.fullmatch("[0-9]{1,10}", raw, re.ASCII) and int(raw) <= _MOST_SECONDS:
            return int(raw)
        self.problem(path, f"expected seconds, a whole number up to {_MOST_SECONDS}")
        return None

    def words(self, raw: object, path: Path) -> frozenset[str]:
        found = dict(self.texts(raw, path))
        for where, word in found.items():
            if word not in IGNORABLE:
                self.problem(where, unknown(word, IGNORABLE, f"{word} is nothing to ignore"))
        return frozenset(found.values())

    def key(self, raw: object, path: Path) -> KeyRule | None:
        if not isinstance(raw, Mapping) or not raw:
            self.problem(path, f"expected a mapping of {', '.join(_KEY_KEYS)}")
            return None
        for name in raw:
            if name not in _KEY_KEYS:
                self.problem((*path, name), unknown(name, _KEY_KEYS, "unknown key"))
        whole = raw.get("drop_query") in ("all", ["all"])
        names = [] if whole or "drop_query" not in raw else self.parameters(raw["drop_query"], (*path, "drop_query"))
        if "sort_query" in raw:
            self.true(raw["sort_query"], (*path, "sort_query"))
        same, same_resource = self.target(raw["same_as"], (*path, "same_as")) if "same_as" in raw else (None, False)
        if same_resource and len(raw) > 1:
            self.problem((*path, "same_as"), "with a path it is the whole key, so nothing else has a meaning beside it")
        return KeyRule(
            drop=frozenset(name for name in names if not name.endswith("*")),
            drop_beginnings=tuple(name[:-1] for name in names if name.endswith("*")),
            drop_all=whole,
            sort_query="sort_query" in raw,
            same_as=same,
            same_resource=same_resource,
        )

    def parameters(self, raw: object, path: Path) -> list[str]:
        """Names of query parameters as they are spelled in a canonical target."""
        names = []
        for where, text in self.texts(raw, path):
            if text == "*":
                self.problem(where, "write drop_query: all for the whole query")
            elif text == "all":
                self.problem(where, "all is the whole query, so nothing else has a meaning beside it")
            elif "*" in text[:-1] or any(character in text for character in "=&#?"):
                self.problem(where, f"expected the name of a query parameter, or its beginning and *, not {text}")
            elif isinstance(canonical := target_uri("http", "name", None, f"/?{text}"), Malformed):
                self.problem(where, canonical.reason)
            else:
                names.append(canonical.query or "")
        return names

    def target(self, raw: object, path: Path) -> tuple[TargetUri | None, bool]:
        """The target URI, and whether it names a resource rather than an origin."""
        target = parse_target_uri(raw) if isinstance(raw, str) else Malformed("")
        # Userinfo and fragment are no part of what is identified: whoever writes one means something else.
        if isinstance(raw, str) and not isinstance(target, Malformed) and not _BESIDE.search(raw):
            return target, _HAS_PATH.match(raw) is not None
        self.problem(path, "expected the URL of an origin, such as https://downloads.example, or of one resource")
        return None, False

    def texts(self, raw: object, path: Path) -> Iterable[tuple[Path, str]]:
        """The one text, or each of a list, and where it stands."""
        members = (
            [((*path, place), value) for place, value in enumerate(raw)] if isinstance(raw, list) else [(path, raw)]
        )
        if not members:
            self.problem(path, "expected at least one value")
        for where, value in members:
            if isinstance(value, str):
                yield where, value
            else:
                self.problem(where, "expected text")


_READERS: Mapping[str, Callable[[_Reader, object, Path], object]] = {
    "bypass": _Reader.true,
    "min_fresh_s": _Reader.seconds,
    "max_fresh_s": _Reader.seconds,
    "negative_s": _Reader.seconds,
    "ignore": _Reader.words,
    "key": _Reader.key,
    "pin": _Reader.true,
}
