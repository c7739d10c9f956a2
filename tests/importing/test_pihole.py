import io
import json
import sqlite3
import tarfile
import zipfile
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from forward_proxy.importing.carried import Imported
from forward_proxy.importing.pihole import MAX_MEMBERS, MAX_UNPACKED, read_pihole
from tests.importing.verdicts import carried, denies, left, loaded

V5: Mapping[str, Any] = {
    "adlist.json": [{"id": 1, "address": "https://lists.test/ads.txt", "enabled": 1}],
    "blacklist.exact.json": [
        {"id": 1, "type": 1, "domain": "exact.test", "enabled": 1, "comment": "Seen in a game"},
        {"id": 2, "type": 1, "domain": "off.test", "enabled": 0},
        {"id": 3, "type": 1, "domain": "grouped.test", "enabled": 1},
    ],
    "blacklist.regex.json": [
        {"id": 4, "type": 3, "domain": r"(\.|^)ads\.test$", "enabled": 1},
        {"id": 5, "type": 3, "domain": r"^a;querytype=AAAA", "enabled": 1},
    ],
    "whitelist.exact.json": [{"id": 6, "type": 0, "domain": "good.ads.test", "enabled": 1}],
    "group.json": [{"id": 0, "enabled": 1, "name": "Default"}, {"id": 1, "enabled": 1, "name": "Kids"}],
    "domainlist_by_group.json": [
        *({"domainlist_id": each, "group_id": 0} for each in (1, 2, 4, 5, 6)),
        {"domainlist_id": 3, "group_id": 1},
    ],
    "client_by_group.json": [{"client_id": 1, "group_id": 0}, {"client_id": 1, "group_id": 1}],
}


def packed(members: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, rows in members.items():
            content = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def gravity() -> bytes:
    """The tables of version 6 with the same entries."""
    domains = [row for name, rows in V5.items() if name.endswith(("exact.json", "regex.json")) for row in rows]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("""
            CREATE TABLE domainlist (id INTEGER PRIMARY KEY, type INTEGER, domain TEXT, enabled BOOLEAN, comment TEXT);
            CREATE TABLE adlist (id INTEGER PRIMARY KEY, address TEXT, enabled BOOLEAN, comment TEXT);
            CREATE TABLE "group" (id INTEGER PRIMARY KEY, enabled BOOLEAN, name TEXT);
            CREATE TABLE client (id INTEGER PRIMARY KEY, ip TEXT);
            CREATE TABLE domainlist_by_group (domainlist_id INTEGER, group_id INTEGER);
            CREATE TABLE client_by_group (client_id INTEGER, group_id INTEGER);
        """)
        for row in sorted(domains, key=lambda row: int(row["id"])):
            values = (row["id"], row["type"], row["domain"], row["enabled"], row.get("comment"))
            connection.execute("INSERT INTO domainlist VALUES (?, ?, ?, ?, ?)", values)
        for table, name, columns in (
            ("adlist", "adlist.json", ("id", "address", "enabled", "comment")),
            ('"group"', "group.json", ("id", "enabled", "name")),
            ("domainlist_by_group", "domainlist_by_group.json", ("domainlist_id", "group_id")),
            ("client_by_group", "client_by_group.json", ("client_id", "group_id")),
        ):
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {table} VALUES ({marks})", [tuple(map(row.get, columns)) for row in V5[name]]
            )
        return connection.serialize()


def read(content: bytes) -> Imported:
    found = read_pihole(content)
    assert isinstance(found, Imported), found
    return found


ARCHIVES = [packed(V5), zipped({"etc/pihole/gravity.db": gravity(), "etc/pihole/pihole.toml": b"x"})]


@pytest.mark.parametrize("archive", ARCHIVES, ids=["5", "6"])
class TestBothVersions:
    @pytest.mark.parametrize(
        ("host", "denied"),
        [
            ("exact.test", True),
            ("x.exact.test", False),
            ("ads.test", True),
            ("x.ads.test", True),
            ("good.ads.test", False),
            ("x.good.ads.test", True),
            ("off.test", False),
            ("grouped.test", False),
        ],
    )
    def test_names_are_judged_as_in_pi_hole(self, archive: bytes, host: str, denied: bool) -> None:
        assert denies(read(archive), f"https://{host}/") == denied

    def test_the_rest_is_told(self, archive: bytes) -> None:
        found = read(archive)
        assert sorted(set(left(found).values())) == [
            "a group; rules know clients by their address",
            "an expression about hosts with more than letters, dots, classes and repeats",
            "it is disabled",
            "it is for the clients of some groups only",
        ]
        assert sorted(carried(found).values()) == ["pi-hole-1", "pi-hole-4", "pi-hole-6", "pi-hole-list-1"]
        assert "Pi-hole: Seen in a game" in [rule.reason for rule in loaded(found).access.rules]


def test_entries_count_for_nobody_when_a_client_is_out_of_the_default_group() -> None:
    found = read(packed({**V5, "client_by_group.json": [{"client_id": 1, "group_id": 1}]}))
    assert [entry.id for entry in found.entries] == ["pi-hole-list-1"]
    assert "some clients are taken out of the default group" in left(found)["blacklist.exact.json[0]"]


def test_members_that_are_no_entries_are_told() -> None:
    rows = [
        3,
        {"domain": "a.test"},
        {"id": [], "domain": "b.test", "enabled": 1},
        {"id": 1, "domain": [], "enabled": 1},
    ]
    found = read(packed({"blacklist.exact.json": rows, "group.json": {"id": 1}}))
    assert not found.entries
    assert len(left(found)) == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x1f\x8b\x08\x00nothing", "not a teleporter"),
        (b"PK\x03\x04nothing", "not a teleporter"),
        (packed({"other.json": []}), "none of its files is there"),
        (packed({"adlist.json": b"["}), "adlist.json is not JSON"),
        (packed({"adlist.json": b"[" * 100_000}), "adlist.json is not JSON"),
        (packed({f"{n}.json": [] for n in range(MAX_MEMBERS + 1)}), "more than 1000 members"),
        (zipped({f"{n}.json": b"" for n in range(MAX_MEMBERS + 1)}), "more than 1000 members"),
        (packed({"adlist.json": bytes(MAX_UNPACKED)}), "unpacks to more than"),
        (zipped({"etc/pihole/gravity.db": bytes(MAX_UNPACKED + 1)}), "unpacks to more than"),
        (zipped({"etc/pihole/gravity.db": b"nothing" * 1000}), "file is not a database"),
    ],
)  # fmt: skip
def test_hostile_archives_are_refused(content: bytes, why: str) -> None:
    found = read_pihole(content)
    assert not isinstance(found, Imported)
    assert why in found.text


def test_a_database_that_never_ends_is_given_up() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
        connection.execute(
            f"CREATE VIEW domainlist AS SELECT ({endless}) AS id, 1 AS type, 1 AS domain, 1 AS enabled, 1 AS comment,"
            " 1 AS rowid"
        )
        content = connection.serialize()
    found = read_pihole(zipped({"etc/pihole/gravity.db": content}))
    assert not isinstance(found, Imported)
    assert "interrupted" in found.text


def test_lists_come_after_names_and_allow_lists_before_block_lists() -> None:
    lists = [
        {"id": 1, "address": "https://lists.test/ads.txt", "enabled": 1, "comment": "StevenBlack"},
        {"id": 2, "address": "https://lists.test/off.txt", "enabled": 0},
        {"id": 3, "address": "https://lists.test/good.txt", "enabled": 1, "type": 1},
        {"id": 4, "address": "file:///etc/pihole/mine.list", "enabled": 1},
        {"id": 5, "address": "https://lists.test/kids.txt", "enabled": 1},
        {"id": 6, "address": None, "enabled": 1},
    ]
    groups = [{"adlist_id": each, "group_id": int(each == 5)} for each in range(1, 7)]
    found = read(packed({**V5, "adlist.json": lists, "adlist_by_group.json": groups}))
    found.leave_files(lambda path: path == "/etc/pihole/mine.list")
    ids = ["pi-hole-6", "pi-hole-1", "pi-hole-4", "pi-hole-list-3", "pi-hole-list-1", "pi-hole-list-4"]
    assert [entry.id for entry in found.in_force] == ids
    by_id = {entry.id: entry for entry in found.in_force}
    assert (by_id["pi-hole-list-3"].action, by_id["pi-hole-list-1"].reason) == ("allow", "Pi-hole: StevenBlack")
    told = left(found)
    assert told["adlist.json[1]"] == "it is disabled; it is written as a comment"
    assert told["adlist.json[4]"] == "it is for the clients of some groups only; it is written as a comment"
    assert told["adlist.json[5]"] == "no list that is known"
    found.leave_files(lambda path: False)
    assert left(found)["adlist.json[3]"] == "there is no file /etc/pihole/mine.list; it is written as a comment"
    assert [each.entry.format for each in loaded(found).lists] == ["adblock-dns"] * 2


def test_the_lists_of_version_6_are_known_with_their_kind_and_groups() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(gravity())
        connection.executescript("""
            ALTER TABLE adlist ADD COLUMN type INTEGER;
            INSERT INTO adlist VALUES (2, 'https://lists.test/good.txt', 1, 'Good', 1);
            CREATE TABLE adlist_by_group (adlist_id INTEGER, group_id INTEGER);
            INSERT INTO adlist_by_group VALUES (2, 0);
        """)
        content = connection.serialize()
    found = read(zipped({"etc/pihole/gravity.db": content}))
    (entry,) = (entry for entry in found.in_force if entry.lists)
    assert (entry.id, entry.action, entry.reason) == ("pi-hole-list-2", "allow", "Pi-hole: Good")
    assert "it is in no group that is enabled; it is written as a comment" in left(found).values()
