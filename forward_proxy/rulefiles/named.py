"""What do rule files give names to?  The sections `groups`, `holidays` and `services`, before any rule is read.

A name is given in one place, so that whoever reads it there knows all of it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Any

from forward_proxy.matching.clients import read_network
from forward_proxy.matching.conditions import Unreadable, unknown
from forward_proxy.matching.days import Dates, read_dates
from forward_proxy.matching.facts import read_ports
from forward_proxy.matching.groups import Members
from forward_proxy.matching.named import Named
from forward_proxy.matching.users import read_user
from forward_proxy.rulefiles.problems import Fault
from forward_proxy.rulefiles.services import SECTION as SERVICES
from forward_proxy.rulefiles.services import read_services
from forward_proxy.rulefiles.tree import Node, Path

NAMING = ("groups", "holidays", SERVICES)

type Reader = Callable[[str], Any]

# How those members of a group are written that are no address and no network.
_BY_KEY: Mapping[str, Reader] = {"user": read_user, "listener": read_ports}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,79}")


def read_named(files: Sequence[tuple[str, Node]]) -> tuple[Named, list[Fault]]:
    """All names of these files, and what is wrong with them."""
    faults: list[Fault] = []
    groups: dict[str, Members] = {}
    holidays: dict[str, Dates] = {}
    places: dict[tuple[str, str], str] = {}
    for file, root in files:
        if not isinstance(root.value, dict):
            continue  # Told by who reads the sections.
        for section in ("groups", "holidays"):
            reader = _Section(file, root, section, places, faults)
            if section == "groups":
                groups |= {name: _members(values) for name, values in reader.names(read_network, _BY_KEY)}
            else:
                holidays |= {name: Dates.of(values) for name, values in reader.names(read_dates)}
    services, misread = read_services(files)
    return Named(groups, holidays, services), faults + misread


def _members(values: tuple[Any, ...]) -> Members:
    """Of networks, names and ports."""
    return Members(
        tuple(value for value in values if isinstance(value, IPv4Network | IPv6Network)),
        frozenset(value for value in values if isinstance(value, str)),
        tuple(value for value in values if isinstance(value, range)),
    )


class _Section:
    """One section of one file."""

    def __init__(
        self, file: str, root: Node, section: str, places: dict[tuple[str, str], str], faults: list[Fault]
    ) -> None:
        self._file, self._root, self._section = file, root, section
        self._places, self._faults = places, faults

    def names(
        self, read: Reader, by_key: Mapping[str, Reader] = MappingProxyType({})
    ) -> Iterable[tuple[str, tuple[Any, ...]]]:
        """Each name with what is read of its values, those written as `key: value` too."""
        node = self._root.value.get(self._section) if isinstance(self._root.value, dict) else None
        if node is None or node.value is None:
            return
        if not isinstance(node.value, dict):
            self._fault((self._section,), "expected a mapping of names")
            return
        for name, values in node.value.items():
            path: Path = (self._section, name)
            here = f"{self._file}:{self._root.locate(path).line}"
            if not _NAME.fullmatch(name):
                self._fault(path, "expected a name of letters, digits, dots, dashes and underscores, a letter first")
            elif (there := self._places.setdefault((self._section, name), here)) is not here:
                self._fault(path, f"has a meaning at {there} already")
            yield name, tuple(self._values(values, path, read, by_key))

    def _values(self, node: Node, path: Path, read: Reader, by_key: Mapping[str, Reader]) -> Iterable[Any]:
        members = node.value if isinstance(node.value, tuple) else (node,)
        if not members:
            self._fault(path, "expected at least one value")
        for place, member in enumerate(members):
            where: Path = (*path, place) if isinstance(node.value, tuple) else path
            if isinstance(member.value, dict) and by_key and member.value:
                for key, values in member.value.items():
                    if key in by_key:
                        yield from self._values(values, (*where, key), by_key[key], {})
                    else:
                        self._fault((*where, key), unknown(key, by_key, "unknown key"))
            elif not isinstance(member.value, str):
                self._fault(where, "expected a value")
            elif isinstance(value := read(member.value), Unreadable):
                self._fault(where, value.text)
            else:
                yield value

    def _fault(self, path: Path, text: str) -> None:
        self._faults.append(Fault(self._file, self._root.locate(path), path, text))
