import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click import unstyle
from click.testing import CliRunner, Result
from rich.cells import cell_len

from forward_proxy.cli.log import log
from forward_proxy.traffic import Options, Record, TrafficLog

NOW = time.time()
LOGO = Record(
    started_at=NOW - 60,
    ended_at=NOW - 59.9,
    client="192.0.2.7",
    method="GET",
    target="https://www.example.com/logo.png",
    host="www.example.com",
    outcome="hit",
    status=200,
    content_type="image/png",
    response_bytes=2048,
    cache="hit",
)
DENIED = replace(
    LOGO,
    target="https://ads.example/x",
    host="ads.example",
    outcome="denied",
    verdict="denied",
    status=403,
    rule="rules/10-trackers.yaml:12",
    cache=None,
)
RUN = "from forward_proxy.cli.log import log; log(prog_name='log')"


def write(state: Path, *records: Record) -> None:
    written = TrafficLog(state / "traffic", Options())
    written.start()
    for record in records:
        written.record(record)
    written.stop()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    write(tmp_path, LOGO, DENIED)
    return tmp_path


def ask(state: Path, *words: str, terminal: int | None = None) -> Result:
    environment = {"FORCE_COLOR": "1", "COLUMNS": str(terminal)} if terminal else {"FORCE_COLOR": None}
    return CliRunner().invoke(log, [words[0], "--state", str(state), *words[1:]], env=environment)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["tail"], [1, 2]),
        (["tail", "-n", "1"], [2]),
        (["search", "host:example.com"], [1]),
        (["search", "verdict:denied", "since:1h"], [2]),
        (["search", "verdict:denied since:1h"], [2]),
        (["search", "-cache:hit"], [2]),
        (["search", "-client:192.0.2.9", "-n", "1"], [2]),
        (["search", ""], [1, 2]),
        (["show", "1"], [1]),
    ],
)
def test_found_records_newest_last(state: Path, words: list[str], ids: list[int]) -> None:
    result = ask(state, *words, "--json")
    assert (result.exit_code, [json.loads(line)["id"] for line in result.stdout.splitlines()]) == (0, ids)


def test_json_is_the_whole_record(state: Path) -> None:
    shown = json.loads(ask(state, "show", "2", "--json").stdout)
    assert shown == json.loads(json.dumps(asdict(replace(DENIED, id=2))))


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        (["search", "host:nowhere.example"], 1, "no record matches"),
        (["show", "99"], 1, "no record 99"),
        (["stats", "--since", "1s"], 1, "no record since 1s"),
        (["search", "hots:example.com"], 2, "hots:example.com: expected one of host:, client:"),
        (["search"], 2, "QUERY"),
        (["show", "0"], 2, "ID"),
        (["show", str(2**64)], 2, "ID"),
        (["stats", "--since", "yesterday"], 2, "yesterday: expected 24h"),
        (["tail", "-n", "-1"], 2, "-n"),
    ],
)
def test_what_is_not_found_or_not_understood_is_told(state: Path, words: list[str], exit_code: int, told: str) -> None:
    result = ask(state, *words)
    assert result.exit_code == exit_code
    assert told in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("words", [["tail"], ["search", "x"], ["show", "1"], ["stats"]])
def test_an_empty_log_says_what_to_do(tmp_path: Path, words: list[str]) -> None:
    result = ask(tmp_path, *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "start the proxy (forward-proxy run)" in result.stderr
    assert list(tmp_path.iterdir()) == [], "asking makes nothing"


@pytest.mark.parametrize("words", [["tail"], ["search", "x"], ["show", "1"], ["stats"], ["tail", "-f"]])
def test_a_log_that_cannot_be_read_is_told_without_traceback(state: Path, words: list[str]) -> None:
    (state / "traffic" / "traffic.db").write_bytes(b"nothing of ours\n" * 500)
    result = ask(state, *words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "traffic.db cannot be read: file is not a database" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_pipe_gets_plain_lines_that_never_wrap(state: Path) -> None:
    write(state, replace(LOGO, target="https://a.example/" + "x" * 2000))
    lines = ask(state, "tail").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("1 20")
    assert lines[0].endswith(" 192.0.2.7 GET https://www.example.com/logo.png 200 2048 100ms hit")
    assert lines[1].endswith(" 403 2048 100ms denied by rules/10-trackers.yaml:12")
    assert "x" * 2000 in lines[2]
    for words in (["tail"], ["search", "x"], ["show", "3"], ["stats"]):
        text = ask(state, *words).stdout
        assert "\x1b" not in text
        assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert "x" * 2000 in ask(state, "show", "3").stdout


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_terminal_gets_aligned_columns_of_its_width(state: Path, width: int) -> None:
    for words in (["tail"], ["search", "x"], ["stats"]):
        text = ask(state, *words, terminal=width).stdout
        assert "\x1b[" in text
        assert max(map(cell_len, unstyle(text).splitlines())) <= width
    heading, first, second = unstyle(ask(state, "tail", terminal=width).stdout).splitlines()
    assert heading.split()[:2] == ["id", "time"]
    assert first.index("200") == second.index("403")


def test_a_record_in_full_for_people(state: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in ask(state, "show", "2").stdout.splitlines())
    assert lines["rule"] == "rules/10-trackers.yaml:12"
    assert lines["started_at"].startswith("20")
    assert "cache" not in lines, "what is not known is not shown"


def test_stats_for_people_and_programs(state: Path) -> None:
    text = ask(state, "stats", "--since", "2h").stdout
    assert "2 requests" in text
    assert [line.split() for line in text.splitlines() if "10-trackers" in line] == [
        ["ads.example", "1", "rules/10-trackers.yaml:12"]
    ]
    figures = json.loads(ask(state, "stats", "--json").stdout)
    assert (figures["requests"], figures["bytes_from_cache"]) == (2, 2048)
    assert figures["denied_hosts"] == [{"host": "ads.example", "rule": "rules/10-trackers.yaml:12", "requests": 1}]


def test_a_hostile_log_cannot_speak_to_the_terminal(state: Path) -> None:
    with closing(sqlite3.connect(state / "traffic" / "traffic.db")) as connection, connection:
        for column in ("client", "method", "target", "host", "outcome", "rule", "reason", "error_detail", "page"):
            connection.execute(f"UPDATE records SET {column} = ?", ("[red]a\x1b]0;owned\x07\u202eb\r\n",))
    for words in (["tail"], ["search", "status:200"], ["show", "1"], ["stats"]):
        for terminal in (None, 100):
            text = ask(state, *words, terminal=terminal).stdout
            assert not {"\x1b]", "\x07", "\u202e", "\r"} & {
                text[at : at + n] for at in range(len(text)) for n in (1, 2)
            }


def program(state: Path, *words: str) -> subprocess.Popen[str]:
    command: Sequence[str] = (sys.executable, "-c", RUN, words[0], "--state", str(state), *words[1:])
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})


def test_following_shows_new_records_until_interrupted(state: Path) -> None:
    with program(state, "tail", "-n", "1", "-f", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == 2
        write(state, replace(LOGO, target="https://new.example/"))
        assert json.loads(process.stdout.readline())["target"] == "https://new.example/"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path, *[LOGO] * 5000)
    with program(tmp_path, "tail", "-n", "5000", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, "")
