"""The command itself: its list of commands, how faults end it, and what it costs to ask for help."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from forward_proxy import __version__
from forward_proxy.cli import COMMANDS, main
from forward_proxy.cli.failures import failure
from forward_proxy.errors import RuleFileError, SettingsError, StorageError, TrafficError

from .stores import fill

ENGINE = ("mitmproxy", "pydantic", "cryptography", "yaml", "asyncio")


def _run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forward_proxy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys\nfrom forward_proxy.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print('imported:', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    listing, _, imported = done.stdout.partition("imported:")
    for name, (_, text) in COMMANDS.items():
        assert f"{name} " in listing
        assert " ".join(text.split()) in " ".join(listing.split())
    assert not set(imported.split()) & set(ENGINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listed_text_is_how_the_command_describes_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.name, command.get_short_help_str(limit=200)) == (name, COMMANDS[name][1])


def test_version() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["settings", "--nonsense"], ["ca", "nonsense"]])
def test_a_command_line_that_is_not_understood_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nonsense" in result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (SettingsError("a.yaml:1:2: x"), 2),
        (RuleFileError("b.yaml:3:4: y"), 2),
        (StorageError("disk"), 1),
        (TrafficError("log"), 1),
    ],
)
def test_a_fault_is_one_message_and_a_code(error: SettingsError, exit_code: int) -> None:
    ending = failure(error)
    assert (ending.exit_code, ending.message) == (exit_code, str(error))


def test_a_message_begins_with_its_place_and_leaves_stdout_clean(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_text("inspect: maybe\nstat: x\n")
    result = CliRunner().invoke(main, ["settings", "--settings", str(file)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [f"{file}:2:1", f"{file}:1:10"]


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        command = [sys.executable, "-m", "forward_proxy", "settings"]
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")


def _with_stdout(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = shlex.join([sys.executable, "-m", "forward_proxy", *arguments])
    return subprocess.run(
        f"exec {words} {redirection}", shell=True, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("redirection", "message"),
    [
        (">&-", "stdout is closed: there is nothing to print to\n"),
        (">/dev/full", "the output cannot be written: No space left on device\n"),
    ],
)
def test_an_answer_that_cannot_be_written_is_one_message(tmp_path: Path, redirection: str, message: str) -> None:
    fill(tmp_path)
    for arguments in (["settings"], ["cache", "list"], ["cache", "purge", "--host", "example.com"]):
        done = _with_stdout(redirection, *arguments, "--state", str(tmp_path))
        assert (done.returncode, done.stderr) == (1, message)


def test_the_module_is_the_command() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: forward-proxy ")
