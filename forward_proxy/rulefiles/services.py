"""Which services may rules name?  Those that are shipped (forward_proxy/services), and the sections `services`.

    services:
      homework: { name: Homework, category: school, hosts: [homework.example], shared: [pictures.example] }

A section adds services, and one of a shipped id takes its place.  What is shipped is read as strictly as rule files,
once in a process.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath

from forward_proxy.errors import RuleFileError
from forward_proxy.matching.conditions import Unreadable, unknown
from forward_proxy.matching.hosts import HostPattern, read_host
from forward_proxy.matching.services import Catalogue, Service
from forward_proxy.rulefiles.problems import Fault, report
from forward_proxy.rulefiles.tree import Node, Path, read_tree

SECTION = "services"
SHIPPED = FilePath(__file__).parents[1] / "services"

_KEYS = ("name", "category", "hosts", "shared")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_MAX_NAME = 80


def read_services(files: Iterable[tuple[str, Node]]) -> tuple[Catalogue, list[Fault]]:
    """All services, shipped and of these files, and what is wrong with those of the files."""
    known, own = shipped(), _read(files)
    if not own.services and not own.faults:
        return known, []
    catalogue = Catalogue({**known.services, **own.services})
    for service in own.services.values():
        for word in {service.id} & {*catalogue.categories} | {service.category} & catalogue.services.keys():
            own.fault(*own.places[service.id], f"{word} cannot be both a service and a category")
    return catalogue, own.faults


@cache
def shipped() -> Catalogue:
    """The services that come with the program."""
    paths = sorted(SHIPPED.glob("*.yaml"))
    read = _read([(f"{SHIPPED.name}/{path.name}", read_tree(path.read_bytes())) for path in paths])
    if read.faults:
        raise RuleFileError(report(read.faults))
    return Catalogue(read.services)


def _read(files: Iterable[tuple[str, Node]]) -> "_Reader":
    reader = _Reader()
    for file, root in files:
        section = root.value.get(SECTION) if isinstance(root.value, dict) else None
        if section is not None and isinstance(section.value, dict):
            for name, node in section.value.items():
                reader.service(file, root, name, node)
        elif section is not None and section.value is not None:
            reader.fault(file, root, (SECTION,), "expected a mapping of services")
    return reader


@dataclass(slots=True)
class _Reader:
    services: dict[str, Service] = field(default_factory=dict)
    places: dict[str, tuple[str, Node, Path]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, file: str, root: Node, path: Path, text: str) -> None:
        self.faults.append(Fault(file, root.locate(path), path, text))

    def service(self, file: str, root: Node, name: str, node: Node) -> None:
        path: Path = (SECTION, name)
        where = f"{file}:{root.locate(path).line}"
        if not _ID.fullmatch(name):
            self.fault(file, root, path, "expected a name of small letters, digits and dashes")
        elif name in self.services:
            self.fault(file, root, path, f"has a meaning at {self.services[name].where} already")
        if not isinstance(node.value, dict):
            self.fault(file, root, path, "expected a mapping with hosts")
            return
        for key in node.value:
            if key not in _KEYS:
                self.fault(file, root, (*path, key), unknown(key, _KEYS, "unknown key"))
        if "hosts" not in node.value:
            self.fault(file, root, path, "hosts is missing")
        category = self._text(file, root, node, (*path, "category"))
        if category and not _ID.fullmatch(category):
            self.fault(file, root, (*path, "category"), "expected a name of small letters, digits and dashes")
        people = self._text(file, root, node, (*path, "name")) or name
        hosts, shared = (tuple(self._hosts(file, root, node, (*path, key))) for key in ("hosts", "shared"))
        self.places[name] = file, root, path
        self.services[name] = Service(name, people, category, hosts, shared, where)

    def _text(self, file: str, root: Node, node: Node, path: Path) -> str:
        """The text of the last key; none when it is absent."""
        if not isinstance(node.value, dict) or path[-1] not in node.value:
            return ""
        value = node.value[str(path[-1])].value
        if not isinstance(value, str) or len(value) > _MAX_NAME:
            self.fault(file, root, path, f"expected text of up to {_MAX_NAME} characters")
            return ""
        return value

    def _hosts(self, file: str, root: Node, node: Node, path: Path) -> Iterable[HostPattern]:
        given = node.value.get(str(path[-1])) if isinstance(node.value, dict) else None
        if given is None:
            return
        members = given.value if isinstance(given.value, tuple) else (given,)
        if not members:
            self.fault(file, root, path, "expected at least one host")
        for place, member in enumerate(members):
            where: Path = (*path, place) if isinstance(given.value, tuple) else path
            if not isinstance(member.value, str):
                self.fault(file, root, where, "expected a host")
            elif isinstance(host := read_host(member.value), Unreadable):
                self.fault(file, root, where, host.text)
            else:
                yield host
