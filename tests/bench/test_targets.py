"""What is promised, judged by what was measured."""

from bench.figures import Figures, new_figures
from bench.targets import Judged, judged


def target(figures: Figures, start: str) -> Judged:
    return next(each for each in judged(figures) if each.text.startswith(start))


def test_a_ratio_that_is_reached_is_met() -> None:
    figures = new_figures()
    figures["hit 1k"] = {"lane on": {0: 60_000}, "Squid": {0: 30_000}}
    figures["cpu hit 1k"] = {"lane on": {0: 0.01}, "Squid": {0: 0.03}}
    assert target(figures, "hits 1 KiB, cleartext") == Judged(
        "hits 1 KiB, cleartext ≥ 2 × Squid", "2.00", "3.00", "met"
    )


def test_a_ratio_that_is_not_reached_says_by_how_much() -> None:
    figures = new_figures()
    figures["denial"] = {"lane on": {0: 15_000}, "Squid": {0: 10_000}}
    assert target(figures, "denials, cleartext").verdict == "missed by 25%"


def test_what_has_to_stay_below_a_bound() -> None:
    figures = new_figures()
    figures["start"] = {"lane on": {0: 1.2}}
    assert target(figures, "start to first answer").verdict == "met"
    figures["start"] = {"lane on": {0: 1.8}}
    assert target(figures, "start to first answer").verdict == "missed: 1.2 × the bound"


def test_what_was_not_measured_is_not_judged() -> None:
    assert {each.verdict for each in judged(new_figures())} == {"not measured"}


def test_without_a_lane_the_chain_alone_is_judged() -> None:
    figures = new_figures()
    figures["miss"] = {"lane off": {0: 1_500}, "mitmdump": {0: 1_000}}
    assert target(figures, "misses, cleartext").verdict == "met"


def test_the_lane_is_held_to_where_it_gains_least() -> None:
    figures = new_figures()
    figures["hit 1k"] = {"lane on": {0: 60_000}, "lane off": {0: 1_000}}
    figures["miss"] = {"lane on": {0: 900}, "lane off": {0: 1_000}}
    figures["start"] = {"lane on": {0: 1}, "lane off": {0: 2}}
    found = target(figures, "lane on never slower")
    assert (found.text.rpartition(": ")[2], found.measured, found.verdict) == ("miss", "0.90", "missed by 7%")
