"""What passes is shown in order, never more than a terminal can take, and never held against the exchange."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from forward_proxy.cli.live import LiveView
from forward_proxy.traffic.record import Record


def _record(number: int) -> Record:
    return Record(float(number), "127.0.0.1", "GET", f"https://a.test/{number}", "a.test", "hit", status=200)


def _shown(records: int, *, terminal: bool) -> list[str]:
    """The lines of a view that gets these records before it starts."""
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=80, highlight=False)
    view = LiveView(console)
    for number in range(records):
        view.show(_record(number))
    view.start()
    view.stop()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_terminal_gets_a_heading_and_lines_that_fit() -> None:
    blank, heading, *lines = _shown(3, terminal=True)
    assert (blank, heading.split()[0]) == ("", "time")
    assert [line.split()[2] for line in lines] == ["a.test/0", "a.test/1", "a.test/2"]
    assert all(len(line) <= 80 for line in (heading, *lines))


def test_anything_else_gets_plain_lines_and_all_of_them() -> None:
    lines = _shown(1000, terminal=False)
    assert [line.split()[3] for line in lines] == [f"https://a.test/{number}" for number in range(1000)]


def test_a_terminal_is_spared_a_flood_and_told_how_much() -> None:
    lines = _shown(1000, terminal=True)
    assert lines[-1].split()[2] == "a.test/999"
    assert f"{1000 - (len(lines) - 3)} more" in lines[2]
    assert len(lines) < 100


def test_anything_else_is_spared_a_flood_too_and_told_how_much() -> None:
    told, *lines = _shown(1500, terminal=False)
    assert lines[-1].split()[3] == "https://a.test/1499"
    assert told == f"… {1500 - len(lines)} more are in the log"
    assert len(lines) >= 1000


def test_exchanges_left_out_are_counted_not_their_records() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, color_system=None)
    view = LiveView(console)
    view.show(replace(_record(0), exchanges=5000))
    for number in range(1000):
        view.show(_record(number))
    view.start()
    view.stop()
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().startswith("… 5000 more are in the log\n")


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_written_when_nothing_passed(terminal: bool) -> None:
    assert _shown(0, terminal=terminal) == []


def test_nobody_waits_for_a_view_that_cannot_keep_up() -> None:
    view = LiveView(Console(file=io.StringIO()))
    for number in range(20_000):
        view.show(_record(number))
    view.stop()  # Was never started: there is nothing to wait for.


def test_the_end_of_whoever_watches_is_not_the_end_of_the_proxy(tmp_path: Path) -> None:
    closed = (tmp_path / "gone").open("w")
    closed.close()
    view = LiveView(Console(file=closed))
    view.start()
    view.show(_record(1))
    view.stop()
