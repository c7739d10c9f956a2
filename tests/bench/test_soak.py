"""Samples of a soak, by quarter."""

from bench.soak import quarters


def test_each_quarter_has_the_medians_of_its_samples() -> None:
    samples = [(0, 10.0, 4), (20, 30.0, 8), (24, 20.0, 6), (30, 40.0, 5), (60, 50.0, 5), (99, 60.0, 7), (101, 90.0, 9)]
    assert list(quarters(samples, 100)) == [(20.0, 6), (40.0, 5), (50.0, 5), (60.0, 7)]


def test_a_quarter_without_samples_is_missing() -> None:
    assert len(list(quarters([(0, 10.0, 4), (99, 10.0, 4)], 100))) == 2
