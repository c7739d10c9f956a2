import json
import time
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.policy.refusals import Refusal
from forward_proxy.storage.refusals import RefusalStore

NOW = int(time.time())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("rules: [{ action: deny, match: { host: b.test, path: /x } }]\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    words = ("--rules", str(folder / "rules")) if "list" in arguments else ()
    return CliRunner().invoke(main, ["inspect", *arguments, "--state", str(folder), *words])


def remember(folder: Path, *hosts: str) -> None:
    client = ip_address("192.0.2.7")
    each = [Refusal(client, host, "unknown_ca", NOW, NOW + 86_400) for host in hosts]
    RefusalStore(folder / "refusals").add(each)


def test_what_was_refused_is_listed_with_what_becomes_of_it(folder: Path) -> None:
    remember(folder, "a.test", "b.test")
    done = run(folder, "list", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    one, two = map(json.loads, done.stdout.splitlines())
    assert one | {"since": 0, "until": 0} == {
        "client": "192.0.2.7",
        "host": "a.test",
        "since": 0,
        "until": 0,
        "why": "unknown_ca",
        "next": "passes unread",
    }
    assert two["next"].startswith("is opened, since ")
    assert two["next"].endswith("a.yaml:1 may deny what is inside")
    assert [line.split()[:2] for line in run(folder, "list").stdout.splitlines()] == [
        ["192.0.2.7", "a.test"],
        ["192.0.2.7", "b.test"],
    ]


def test_none_is_no_fault(folder: Path) -> None:
    done = run(folder, "list")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no client has refused the certificate lately\n")
    assert not (folder / "refusals").exists()


def test_a_host_is_forgotten_or_all(folder: Path) -> None:
    remember(folder, "a.test", "b.test", "c.test")
    assert run(folder, "forget", "A.test.").stdout == "1 forgotten\n"
    assert run(folder, "forget", "a.test").exit_code == 1
    assert run(folder, "forget", "--all").stdout == "2 forgotten\n"


@pytest.mark.parametrize("words", [(), ("a.test", "--all"), ("a b",)])
def test_what_is_not_understood_forgets_nothing(folder: Path, words: tuple[str, ...]) -> None:
    remember(folder, "a.test")
    assert run(folder, "forget", *words).exit_code == 2
    assert len(RefusalStore(folder / "refusals").kept(NOW).refusals.each) == 1
