from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.rules import Rules, load
from forward_proxy.rulefiles.watch import Watcher

WAIT_S = 20
GOOD = "rules: [{action: deny, match: {host: %s}}]\n"


class Watched:
    """A folder of rules under watch, and what the watcher tells, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: Queue[Rules | RuleFileError] = Queue()
        self.watcher = Watcher([folder], self.told.put, self.told.put, load([folder]))

    def write(self, text: str) -> None:
        """As editors do it: a new file renamed over the old."""
        new = self.folder / ".x.yaml.new"
        new.write_text(text)
        new.rename(self.folder / "x.yaml")

    def next(self) -> Rules | RuleFileError:
        return self.told.get(timeout=WAIT_S)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "x.yaml").write_text(GOOD % "a.test")
    watched = Watched(folder)
    yield watched
    watched.watcher.stop()


def test_a_changed_file_is_a_new_set(watched: Watched) -> None:
    watched.watcher.start()
    watched.write(GOOD % "b.test")
    assert watched.next() == load([watched.folder])


def test_what_was_written_before_the_watch_stood_is_not_missed(watched: Watched) -> None:
    watched.write(GOOD % "b.test")
    watched.watcher.start()
    assert watched.next() == load([watched.folder])


def test_a_broken_file_is_told_once_and_its_repair_is_a_new_set_even_when_nothing_changed(watched: Watched) -> None:
    watched.watcher.start()
    watched.write("rules: [{}")
    fault = watched.next()
    assert isinstance(fault, RuleFileError)
    assert str(fault).startswith(f"{watched.folder}/x.yaml:")
    watched.write(GOOD % "a.test")
    assert watched.next() == load([watched.folder])
    assert watched.told.empty()


def test_a_set_whose_expectation_fails_is_told_and_never_handed_out(watched: Watched) -> None:
    watched.watcher.start()
    watched.write("rules: [{action: deny, match: {host: a.test}, expect: [{allow: 'http://x.a.test/'}]}]\n")
    fault = watched.next()
    assert isinstance(fault, RuleFileError)
    assert "rules[0].expect[0]: expected http://x.a.test/ to be allowed, but it is blocked by the rule at" in str(fault)
    watched.write(GOOD % "b.test")
    assert watched.next() == load([watched.folder])
    assert watched.told.empty()


@pytest.mark.parametrize("nothing", ["", "# rules: [{}]\n", "rules:\n"])
def test_a_file_that_lost_all_it_held_is_a_fault_until_it_is_gone(watched: Watched, nothing: str) -> None:
    watched.watcher.start()
    watched.write(nothing)
    fault = watched.next()
    assert isinstance(fault, RuleFileError)
    place = watched.folder / "x.yaml"
    assert str(fault) == f"{place}: is empty; it held 1 entry; remove the file to drop them"
    place.unlink()
    assert watched.next() == load([watched.folder])
    assert watched.told.empty()


def test_what_an_emptied_file_held_before_the_fault_is_remembered(watched: Watched) -> None:
    watched.watcher.start()
    for text in ("", "rules: [{}"):
        watched.write(text)
        assert isinstance(watched.next(), RuleFileError)
    watched.write("")
    assert "it held 1 entry" in str(watched.next())


def test_a_file_that_never_held_anything_may_be_empty(watched: Watched) -> None:
    watched.watcher.start()
    (watched.folder / "new.yaml").write_text("")
    assert watched.next() == load([watched.folder])


def test_a_folder_that_is_replaced_is_watched_again(watched: Watched) -> None:
    watched.watcher.start()
    watched.write(GOOD % "b.test")
    assert isinstance(watched.next(), Rules)
    watched.folder.rename(watched.folder.with_name("old"))
    assert isinstance(watched.next(), RuleFileError)
    watched.folder.mkdir()
    watched.write(GOOD % "c.test")
    # The empty folder may have been seen first: a set as well, though not for long.
    while (told := watched.next()) != load([watched.folder]):
        assert isinstance(told, Rules | RuleFileError)
    watched.write(GOOD % "d.test")
    assert watched.next() == load([watched.folder])


def test_after_stop_nothing_is_told(watched: Watched) -> None:
    watched.watcher.start()
    watched.watcher.stop()
    watched.write(GOOD % "b.test")
    assert watched.told.empty()


def test_stop_without_start_is_harmless(watched: Watched) -> None:
    watched.watcher.stop()
