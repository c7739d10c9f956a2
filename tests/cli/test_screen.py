from pathlib import Path

import pytest

from forward_proxy.cli.screen import brief, duration, moment, place, said
from forward_proxy.matching.subject import RuleRef


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (0, "0 s", "0s"),
        (59, "59 s", "59s"),
        (60, "1 min", "1m"),
        (200, "3 min 20 s", "3m"),
        (3605, "1 h", "1h"),
        (86_400 + 3 * 3600, "1 d 3 h", "1d"),
        (2**31, "24855 d 3 h", "24855d"),
        (-61, "1 min 1 s", "1m"),
    ],
)
def test_a_duration_in_its_two_largest_units_or_its_largest(seconds: int, long: str, short: str) -> None:
    assert (duration(seconds), brief(seconds)) == (long, short)


def test_markup_and_escapes_are_text() -> None:
    assert said("[bold]\x1b[31m\u202e\u200b").plain == r"[bold]\x1b[31m\u202e\u200b"


def test_a_place_below_the_current_folder_is_told_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place(RuleRef(str(tmp_path / "rules" / "a.yaml"), 3)) == "rules/a.yaml:3"
    assert place(RuleRef("/elsewhere/a.yaml", 3)) == "/elsewhere/a.yaml:3"


def test_a_time_that_no_calendar_has_is_its_number() -> None:
    assert moment(2**62) == str(2**62)
