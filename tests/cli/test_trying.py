import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.traffic import Record
from tests.cli.test_log import write

NOW = time.time()
PAST = Record(
    started_at=NOW - 60, ended_at=NOW - 59, client="192.0.2.7", method="GET", target="https://shop.example/a",
    host="shop.example", outcome="fwd=uri-miss", status=200, content_type="text/html", page="news.example",
    reason="no rule matched; the default is allow",
)  # fmt: skip
SHUT = "rules:\n  - { id: shut, action: deny, match: { host: shop.example } }\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("rules", "tried"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "50-a.yaml").write_text("rules:\n")
    old = replace(PAST, started_at=NOW - 86_400 * 3, ended_at=NOW - 86_400 * 3, target="https://shop.example/old")
    write(
        tmp_path / "state",
        old,
        PAST,
        replace(PAST, exchanges=40),
        replace(PAST, host="b.example", target="https://b.example/"),
    )
    return tmp_path


def attempt(place: Path, text: str, *more: str, name: str = "60-b.yaml") -> Result:
    (path := place / "tried" / name).write_text(text)
    arguments = ["rules", "try", str(path), "--rules", str(place / "rules"), "--state", str(place / "state"), *more]
    return CliRunner().invoke(main, arguments)


def test_what_would_newly_be_denied_is_told_and_is_exit_code_1(place: Path) -> None:
    result = attempt(place, SHUT)
    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0].startswith("43 exchanges in 4 records, ")
    assert lines[2] == "Newly denied: 42"
    assert f"42 rule shut ({place}/tried/60-b.yaml:2)" in lines
    assert {"42 host shop.example", "42 client 192.0.2.7", "42 page news.example", "Freed: nothing"} <= set(lines)
    assert any(line.endswith("192.0.2.7 GET https://shop.example/old") for line in lines)
    assert lines[-1].startswith("Names are not resolved")


def test_nothing_newly_denied_is_exit_code_0(place: Path) -> None:
    assert attempt(place, "rules:\n").exit_code == 0
    (place / "rules" / "50-a.yaml").write_text(SHUT)
    freed = attempt(place, "rules:\n", "--json", name="50-a.yaml")
    assert (freed.exit_code, json.loads(freed.stdout)["freed"]["exchanges"]) == (0, 42)


def test_since_leaves_out_what_was_before(place: Path) -> None:
    report = json.loads(attempt(place, SHUT, "--since", "1d", "--json").stdout)
    assert (report["records"], report["denied"]["exchanges"]) == (3, 41)
    assert report["denied"]["hosts"] == [{"name": "shop.example", "exchanges": 41}]
    assert report["denied"]["examples"][0]["rule_id"] == "shut"
    assert len(report["not_kept"]) == 3


@pytest.mark.parametrize(
    "text",
    [
        "rules: [",
        "rules:\n  - { action: deny }",
        SHUT.replace(" }\n", ", expect: [{ allow: 'http://shop.example/' }] }\n"),
    ],
)
def test_a_set_that_could_not_come_into_force_is_exit_code_2(place: Path, text: str) -> None:
    result = attempt(place, text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{place}/tried/60-b.yaml:")


def test_misuse_is_exit_code_2_and_a_log_that_cannot_be_read_3(place: Path) -> None:
    assert attempt(place, SHUT, "--since", "yesterday-ish").exit_code == 2
    assert CliRunner().invoke(main, ["rules", "try", str(place / "gone.yaml")]).exit_code == 2
    (place / "state" / "traffic" / "traffic.db").write_bytes(b"nothing of ours\n" * 500)
    result = attempt(place, SHUT)
    assert (result.exit_code, "cannot be read" in result.stderr) == (3, True)


def test_no_log_is_told(place: Path) -> None:
    (place / "state" / "traffic" / "traffic.db").unlink()
    result = attempt(place, SHUT)
    assert (result.exit_code, result.stdout) == (0, "Nothing is logged in that time, so nothing can be told.\n")
