import json
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import NO_FIELDS
from forward_proxy.message.targets import TargetUri
from forward_proxy.storage.queue import Queue, Queued


def run(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["cache", "queue", "--state", str(state), *arguments])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    queue = Queue(tmp_path / "queue")
    for path in ("/first", "/second"):
        target = TargetUri("https", "site.example", 443, path)
        queue.add(Queued(target, NO_FIELDS, KnownClient(ip_address("127.0.0.1")), 1000.0, "dns_error"))
    queue.tried(TargetUri("https", "site.example", 443, "/second"), 2000, "connection_refused", counts=True)
    return tmp_path


def test_each_address_has_a_line(state: Path) -> None:
    done = run(state)
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert first.split()[1:] == ["-", "dns_error", "https://site.example/first"]
    assert second.split()[2:] == ["connection_refused", "https://site.example/second"]


def test_for_programs(state: Path) -> None:
    first, second = map(json.loads, run(state, "--json").stdout.splitlines())
    assert first == {
        "url": "https://site.example/first", "asked_at": 1000.0, "tried_at": None, "tries": 0, "error": "dns_error"
    }  # fmt: skip
    assert (second["tried_at"], second["tries"]) == (2000.0, 1)


def test_it_can_be_forgotten(state: Path) -> None:
    assert run(state, "--clear", "--json").stdout == '{"removed": 2}\n'
    done = run(state)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "nothing waits to be fetched\n")


def test_a_damaged_queue_is_said(state: Path) -> None:
    (state / "queue" / "queue.db").write_bytes(b"no database" * 1000)
    done = run(state)
    assert done.exit_code == 3
    assert "queue.db: file is not a database" in done.stderr
