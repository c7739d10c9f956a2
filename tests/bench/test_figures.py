"""Medians and ratios of what was measured."""

from bench.figures import middle, new_figures, ratio


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    figures = new_figures()
    figures["hit"]["ours"] = {0: 20, 1: 90, 2: 44}
    figures["hit"]["theirs"] = {0: 10, 1: 30, 2: 11}
    assert ratio(figures, "hit", "ours", "theirs") == 3


def test_a_round_that_lacks_one_of_both_does_not_count() -> None:
    figures = new_figures()
    figures["hit"]["ours"] = {0: 20, 2: 50}
    figures["hit"]["theirs"] = {1: 30, 2: 25}
    assert ratio(figures, "hit", "ours", "theirs") == 2


def test_there_is_no_ratio_to_what_was_not_measured_or_was_nothing() -> None:
    figures = new_figures()
    figures["hit"]["ours"] = {0: 20}
    assert ratio(figures, "hit", "ours", "theirs") is None
    figures["hit"]["theirs"] = {0: 0}
    assert ratio(figures, "hit", "ours", "theirs") is None


def test_the_middle_of_nothing_is_nothing() -> None:
    figures = new_figures()
    assert middle(figures, "hit", "ours") is None
    figures["hit"]["ours"] = {0: 1, 1: 5, 2: 3}
    assert middle(figures, "hit", "ours") == 3
