"""docs/commands.md has a section for every command, a row for every flag, and no row for a flag that is gone."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from forward_proxy.cli import COMMANDS, main

DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, each with the words that call it."""
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, click.Context(inner, info_name=name, parent=context))


def _sections() -> dict[str, str]:
    parts = re.split(r"^#{2,3} (forward-proxy [a-z ]*[a-z]).*$", DOCUMENT.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


TREE = dict(_commands(main, click.Context(main, info_name="forward-proxy")))
del TREE["forward-proxy"]


def test_sections_and_commands_are_the_same() -> None:
    assert set(_sections()) == set(TREE)
    assert {path.split()[1] for path in TREE} == set(COMMANDS)


@pytest.mark.parametrize("path", TREE)
def test_every_flag_has_a_row_in_its_section_and_every_row_a_flag(path: str) -> None:
    documented = set(re.findall(r"^\| `(-[^ `]+)", _sections()[path], re.MULTILINE))
    options = [each for each in TREE[path].params if isinstance(each, click.Option)]
    assert documented == {max(option.opts, key=len) for option in options}


@pytest.mark.parametrize("path", TREE)
def test_every_section_names_its_exit_codes(path: str) -> None:
    if not isinstance(TREE[path], click.Group):
        assert "Exit codes: 0" in _sections()[path]
