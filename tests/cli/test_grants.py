import json
import re
import time
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.access.grants import Asked
from forward_proxy.cli import main
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.storage.grants import GrantStore


def run(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--state", str(state)])


def listed(state: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(state, "grants", "--json").stdout.splitlines()]


def test_what_was_given_is_said_listed_and_revoked(tmp_path: Path) -> None:
    done = run(tmp_path, "allow", "A.test", "--for", "15m", "--client", "192.168.1.5", "--reason", "homework")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(r"1: allow a\.test for 192\.168\.1\.5 for 15 min, until 20\S+ \S+\n", done.stdout)
    assert run(tmp_path, "deny", "https://b.test/p", "--for", "2h").stdout.startswith(
        "2: deny https://b.test/p for ever"
    )
    assert run(tmp_path, "pause", "--for", "10m", "--client", "10.0.0.0/8").stdout.startswith("3: pause for 10.0.0.0/8")
    table = run(tmp_path, "grants")
    assert table.exit_code == 0
    assert [line.split()[:4] for line in table.stdout.splitlines()] == [
        ["3", "pause", "everything", "10.0.0.0/8"],
        ["2", "deny", "https://b.test/p", "everyone"],
        ["1", "allow", "a.test", "192.168.1.5"],
    ]
    assert table.stdout.splitlines()[2].endswith("homework")
    assert run(tmp_path, "revoke", "2").stdout == "2: revoked\n"
    assert [each["id"] for each in listed(tmp_path)] == [3, 1]


def test_for_programs(tmp_path: Path) -> None:
    given = json.loads(run(tmp_path, "allow", "=a.test", "--for", "90s", "--json").stdout)
    (found,) = listed(tmp_path)
    assert set(given) == {"id", "does", "target", "client", "since", "until", "left_s", "by", "reason"}
    assert given | {"left_s": 0} == found | {"left_s": 0}
    assert (given["does"], given["target"], given["client"], given["left_s"]) == ("allow", "=a.test", None, 90)
    assert given["until"] - given["since"] == 90
    assert given["by"]


def test_none_is_no_fault(tmp_path: Path) -> None:
    done = run(tmp_path, "grants")
    assert (done.exit_code, done.stdout, done.stderr) == (
        0, "", "nothing is allowed, denied or paused for a while\n"
    )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_cannot_be_revoked(tmp_path: Path) -> None:
    done = run(tmp_path, "revoke", "7")
    assert (done.exit_code, done.stderr) == (1, "there is no grant 7 in force\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["allow", "a.test"], "Missing option '--for'"),
        (["allow", "a.test", "--for", "soon"], "expected a duration such as 15m or 2h"),
        (["allow", "a.test", "--for", "100ms"], "at least 1s and at most 365d, not 100ms"),
        (["allow", "a.test", "--for", "366d"], "at most 365d, not 366d"),
        (["deny", "*.a.test", "--for", "1m"], "a.test alone already means the name and all below it"),
        (["deny", "ftp://a.test/", "--for", "1m"], "scheme is neither http nor https"),
        (["deny", "a\x1b[31m.test", "--for", "1m"], "a\\x1b[31m.test"),
        (["deny", "--for", "1m"], "Missing argument 'URL|HOST'"),
        (["pause", "--for", "1m", "--client", "10.0.0.1/8"], "did you mean 10.0.0.0/8?"),
        (["pause", "--for", "1m", "--reason", "x" * 501], "longer than 500 characters"),
        (["revoke", "first"], "'first' is not a valid integer"),
    ],
)
def test_what_is_not_understood_ends_with_2(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_explain_names_the_grant(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("rules: [{action: deny, match: {host: a.test}}]")
    asking = ("explain", "http://a.test/", "--rules", str(tmp_path / "rules"))
    assert run(tmp_path, *asking).stdout.startswith("Denied with 403")
    run(tmp_path, "allow", "a.test", "--for", "15m", "--reason", "homework")
    told = run(tmp_path, *asking).stdout
    assert told.startswith("Allowed by grant 1 (allowed for 15 min since ")
    assert re.search(r"^-\s+allow\s+grant:1\s+yes$", told, re.MULTILINE)
    data = json.loads(run(tmp_path, *asking, "--json").stdout)
    assert (data["verdict"], data["rule"]) == ("allowed", "grant:1")
    assert re.fullmatch(r"allowed for 15 min since \S+ by \S+: homework", data["reason"])


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    run(tmp_path, "deny", "a.test", "--for", "15m")
    (tmp_path / "grants" / "grants.db").write_bytes(b"no database" * 1000)
    for arguments in (["grants"], ["deny", "b.test", "--for", "1m"], ["revoke", "1"]):
        done = run(tmp_path, *arguments)
        assert done.exit_code == 1
        assert "grants.db: file is not a database" in done.stderr


def test_what_was_asked_for_is_listed_and_approved(tmp_path: Path) -> None:
    assert run(tmp_path, "requests").stderr == "nobody has asked for anything\n"
    now = int(time.time())
    store = GrantStore(tmp_path / "grants")
    store.ask(Asked(0, HostPattern("a.test", below=True), ip_address("192.168.1.6"), now))
    assert run(tmp_path, "requests").stdout.split()[:3] == ["1", "a.test", "192.168.1.6"]
    assert json.loads(run(tmp_path, "requests", "--json").stdout) == {
        "id": 1, "target": "a.test", "client": "192.168.1.6", "at": now
    }  # fmt: skip
    assert run(tmp_path, "approve", "2", "--for", "15m").exit_code == 1
    assert run(tmp_path, "approve", "1", "--for", "15m").stdout.startswith("1: allow a.test for 192.168.1.6 for 15 min")
    assert [each["reason"] for each in listed(tmp_path)] == ["asked for by 192.168.1.6"]
    assert run(tmp_path, "requests").stdout == ""
