"""What does a Pi-hole teleporter say in rules?  Version 5 packs JSON (tar.gz), 6 a database (zip).

What is allowed goes before what is denied, as in Pi-hole.  An exact entry is that name alone.  An entry counts for
everybody when its groups include the default one and no client has been taken out of that; others are not carried,
since rules do not know Pi-hole's clients.  An allow list frees from block lists, not from what is denied by name.

The archive is hostile: the number of its members, their names and what they unpack to are bounded, nothing is unpacked
to disk, and the database is opened in memory, for reading, with a bound on its work.
"""

import io
import json
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from forward_proxy.access.lists.formats import ADBLOCK_DNS
from forward_proxy.importing.carried import Entry, Imported, Match, Source
from forward_proxy.importing.expressions import about_host
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.message.hosts import canonical_host

MAX_MEMBERS = 1000
MAX_UNPACKED = 64 << 20
_MAX_STEPS = 20_000
_STEPS_BETWEEN_LOOKS = 10_000
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"

# Version 5 has a file for each; `domainlist` of version 6 has them by type.
_V5_DOMAINS = {
    "whitelist.exact.json": 0,
    "whitelist.regex.json": 2,
    "blacklist.exact.json": 1,
    "blacklist.regex.json": 3,
}
_V5_TABLES = {
    "adlist.json": "adlist",
    "group.json": "group",
    "client.json": "client",
    "domainlist_by_group.json": "domainlist_by_group",
    "adlist_by_group.json": "adlist_by_group",
    "client_by_group.json": "client_by_group",
}
_V6_DATABASE = "etc/pihole/gravity.db"
_TABLES: Mapping[str, tuple[str, ...]] = {
    "domainlist": ("id", "type", "domain", "enabled", "comment"),
    "adlist": ("id", "address", "enabled", "comment", "type"),
    "group": ("id", "name", "enabled"),
    "client": ("id", "ip"),
    "domainlist_by_group": ("domainlist_id", "group_id"),
    "adlist_by_group": ("adlist_id", "group_id"),
    "client_by_group": ("client_id", "group_id"),
}
# What older databases do not have.
_OPTIONAL = frozenset(("adlist.type", "adlist_by_group"))
_KINDS = {0: "exact allow", 1: "exact deny", 2: "regex allow", 3: "regex deny"}

_ALLOW_LIST = 1
_OF_LISTS = "A line of an allow list that begins with @@ allows nothing."

type Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows, and where in the archive they stand."""

    place: str
    rows: Sequence[Row]


def is_archive(content: bytes) -> bool:
    return content.startswith((_GZIP, _ZIP))


def read_pihole(content: bytes) -> Imported | Unreadable:
    """Entries and report; Unreadable for what is no teleporter.  Never raises."""
    try:
        members = dict(_members(content))
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
    ) as fault:
        return Unreadable(f"not a teleporter: {fault}")
    except RuntimeError:
        return Unreadable("not a teleporter: it is encrypted")
    tables = _of_version_6(members[_V6_DATABASE]) if _V6_DATABASE in members else _of_version_5(members)
    if isinstance(tables, Unreadable):
        return tables
    return _imported(tables)


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The members that are read, unpacked; raises ValueError beyond the bounds."""
    wanted = {*_V5_DOMAINS, *_V5_TABLES, _V6_DATABASE}
    left = MAX_UNPACKED
    if content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > MAX_MEMBERS:
                raise ValueError(f"more than {MAX_MEMBERS} members")
            for info in archive.infolist():
                if info.filename in wanted:
                    with archive.open(info) as file:
                        unpacked = file.read(left + 1)
                    left -= len(unpacked)
                    _check(left)
                    yield info.filename, unpacked
        return
    # Without seeking, so that what is skipped is counted too.
    plain = zlib.decompressobj(31).decompress(content, MAX_UNPACKED + 1)
    _check(MAX_UNPACKED - len(plain))
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive_:
        for count, member in enumerate(archive_, 1):
            if count > MAX_MEMBERS:
                raise ValueError(f"more than {MAX_MEMBERS} members")
            name = member.name.removeprefix("./")
            if name in wanted and member.isfile() and (opened := archive_.extractfile(member)) is not None:
                yield name, opened.read()


def _check(left: int) -> None:
    if left < 0:
        raise ValueError(f"unpacks to more than {MAX_UNPACKED} bytes")


def _of_version_5(members: Mapping[str, bytes]) -> dict[str, list[_Table]] | Unreadable:
    tables: dict[str, list[_Table]] = {}
    for name, content in members.items():
        try:
            raw = json.loads(content)
        except (ValueError, RecursionError):
            return Unreadable(f"{name} is not JSON")
        rows = [row for row in raw if isinstance(row, dict)] if isinstance(raw, list) else []
        if name in _V5_DOMAINS:
            rows = [{**row, "type": _V5_DOMAINS[name]} for row in rows]
        tables.setdefault(_V5_TABLES.get(name, "domainlist"), []).append(_Table(name, rows))
    return tables or Unreadable("not a teleporter: none of its files is there")


def _of_version_6(content: bytes) -> dict[str, list[_Table]] | Unreadable:
    steps = iter(range(_MAX_STEPS))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_progress_handler(lambda: next(steps, None) is None, _STEPS_BETWEEN_LOOKS)
        try:
            connection.deserialize(content)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            tables = {name: _table(connection, name, columns) for name, columns in _TABLES.items()}
        except sqlite3.Error as fault:
            return Unreadable(f"not a teleporter: {_V6_DATABASE}: {fault}")
    return {name: [table] for name, table in tables.items() if table is not None}


def _table(connection: sqlite3.Connection, name: str, columns: tuple[str, ...]) -> _Table | None:
    """None for one that may be missing and is."""
    place = f"{_V6_DATABASE}: {name}"
    there = {str(row[1]) for row in connection.execute(f'PRAGMA table_xinfo("{name}")')}
    if not there and name in _OPTIONAL:
        return None
    columns = tuple(column for column in columns if column in there or f"{name}.{column}" not in _OPTIONAL)
    rows = connection.execute(f'SELECT {", ".join(columns)} FROM "{name}" ORDER BY rowid')  # noqa: S608  # of _TABLES
    return _Table(place, [dict(zip(columns, row, strict=True)) for row in rows])


def _imported(tables: dict[str, list[_Table]]) -> Imported:
    found = Imported(remarks=["Pi-hole judges names when they are looked up; rules here judge requests for them."])
    groups = _Groups(tables, "domainlist")
    for table in tables.get("group", ()):
        for place, row in _placed(table):
            if row.get("id") != 0:
                found.leave(place, str(row.get("name")), "a group; rules know clients by their address")
    domains = [each for table in tables.get("domainlist", ()) for each in _placed(table)]
    # What is allowed comes first, whatever is denied.
    for place, row in sorted(domains, key=lambda each: each[1].get("type") not in (0, 2)):
        _domain(place, row, groups, found)
    lists = [each for table in tables.get("adlist", ()) for each in _placed(table)]
    for place, row in sorted(lists, key=lambda each: each[1].get("type") != _ALLOW_LIST):
        _list(place, row, _Groups(tables, "adlist"), found)
    if lists:
        found.remarks.append(_OF_LISTS)
    return found


def _placed(table: _Table) -> Iterator[tuple[str, Row]]:
    return ((f"{table.place}[{number}]", row) for number, row in enumerate(table.rows))


class _Groups:
    """Which entries of a table count for everybody."""

    def __init__(self, tables: dict[str, list[_Table]], of: str) -> None:
        def numbers(name: str, *columns: str) -> Iterator[tuple[Row, tuple[int, ...]]]:
            for table in tables.get(name, ()):
                for row in table.rows:
                    found = tuple(value for value in map(row.get, columns) if isinstance(value, int))
                    if len(found) == len(columns):
                        yield row, found

        self._enabled = {group for row, (group,) in numbers("group", "id") if _is_on(row)} if "group" in tables else {0}
        self._of: dict[int, set[int]] = {}
        for _, (entry, group) in numbers(f"{of}_by_group", f"{of}_id", "group_id"):
            self._of.setdefault(entry, set()).add(group)
        self._of_client: dict[int, set[int]] = {}
        for _, (client, group) in numbers("client_by_group", "client_id", "group_id"):
            self._of_client.setdefault(client, set()).add(group)
        self._known = f"{of}_by_group" in tables

    def why_not(self, entry: int) -> str | None:
        """Why an entry does not count for everybody; None when it does."""
        groups = self._of.get(entry, set()) if self._known else {0}
        if not groups & self._enabled:
            return "it is in no group that is enabled"
        if 0 not in groups & self._enabled:
            return "it is for the clients of some groups only"
        if any(0 not in of for of in self._of_client.values()):
            return "some clients are taken out of the default group, and rules do not know which"
        return None


def _is_on(row: Row) -> bool:
    return row.get("enabled") in (1, True)


def _domain(place: str, row: Row, groups: _Groups, found: Imported) -> None:
    kind, text, comment = row.get("type"), row.get("domain"), row.get("comment")
    if not isinstance(text, str) or not isinstance(kind, int) or kind not in _KINDS:
        found.leave(place, str(text), "no entry that is known")
        return
    shown = f"{_KINDS[kind]} {text}"
    if not _is_on(row):
        found.leave(place, shown, "it is disabled")
        return
    entry_id = row.get("id")
    why = groups.why_not(entry_id) if isinstance(entry_id, int) else "it has no id"
    match = _host(text) if kind in (0, 1) else about_host(text)
    if why is not None or isinstance(match, Unreadable):
        found.leave(place, shown, why or (match.text if isinstance(match, Unreadable) else ""))
        return
    reason = f"Pi-hole: {comment}"[:400] if isinstance(comment, str) and comment else "Pi-hole"
    found.carry(place, shown, Entry(f"pi-hole-{entry_id}", "allow" if kind in (0, 2) else "deny", match, reason))


def _list(place: str, row: Row, groups: _Groups, found: Imported) -> None:
    address, comment, entry_id = row.get("address"), row.get("comment"), row.get("id")
    if not isinstance(address, str) or not isinstance(entry_id, int):
        found.leave(place, str(address), "no list that is known")
        return
    allowed = row.get("type") == _ALLOW_LIST
    shown = f"{'allow' if allowed else 'block'} list {address}"
    why_not = groups.why_not(entry_id) if _is_on(row) else "it is disabled"
    reason = f"Pi-hole: {comment}"[:400] if isinstance(comment, str) and comment else "Pi-hole"
    source = Source(place, shown, address.removeprefix("file://"), ADBLOCK_DNS, why_not=why_not or "")
    found.carry_lists(Entry(f"pi-hole-list-{entry_id}", "allow" if allowed else "deny", {}, reason, (source,)))


def _host(text: str) -> Match | Unreadable:
    host = canonical_host(text)
    return Unreadable("it is no host") if host is None else {"host": f"={host}"}
