"""Folder, disk and clock."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.diagnosis.findings import Finding, Level, exit_code
from forward_proxy.diagnosis.machine import clock, disk, state_folder
from forward_proxy.settings import Settings, load_settings

NOW = 1_800_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return load_settings(None, {}, {"state": [str(state)]})


def test_the_exit_code_is_the_worst() -> None:
    found = [Finding(level, "", "") for level in Level]
    assert [exit_code(found[:count]) for count in range(5)] == [0, 0, 0, 1, 2]


def test_a_private_folder_is_fine_and_nothing_is_left_in_it(settings: Settings) -> None:
    assert [each.level for each in state_folder(settings)] == [Level.OK]
    assert list(settings.state.iterdir()) == []


def test_a_folder_for_others_is_a_warning(settings: Settings) -> None:
    settings.state.chmod(0o755)
    (finding,) = state_folder(settings)
    assert (finding.level, finding.fix) == (Level.WARNING, f"chmod 700 {settings.state}")


def test_what_is_no_folder_is_an_error(settings: Settings) -> None:
    settings.state.rmdir()
    settings.state.write_text("")
    (finding,) = state_folder(settings)
    assert finding.level is Level.ERROR


def test_one_that_is_not_there_yet_is_a_note_and_its_disk_that_of_what_it_will_be_in(settings: Settings) -> None:
    settings.state.rmdir()
    assert [each.level for each in state_folder(settings)] == [Level.NOTE]
    assert str(settings.state.parent) in disk(settings).text
    assert clock(settings, NOW).level is Level.OK


def test_a_disk_with_less_than_the_reserve_is_a_warning(settings: Settings) -> None:
    assert disk(settings).level is Level.OK
    short = replace(settings, cache=replace(settings.cache, reserve_bytes=1 << 60))
    assert disk(short).level is Level.WARNING


@pytest.mark.parametrize(("ahead_s", "level"), [(0, Level.OK), (60, Level.OK), (3600, Level.ERROR)])
def test_a_clock_behind_what_was_written_is_wrong(settings: Settings, ahead_s: int, level: Level) -> None:
    (settings.state / "traffic").mkdir()
    file = settings.state / "traffic" / "traffic.sqlite"
    file.touch()
    os.utime(file, (NOW + ahead_s, NOW + ahead_s))
    assert clock(settings, NOW).level is level
