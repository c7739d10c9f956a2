from dataclasses import replace

import pytest

from forward_proxy.matching.automata import Automaton, read_url
from forward_proxy.message.fields import FieldSection
from forward_proxy.storage.selecting import all_of, finding, matching, of_host, of_target, received_before, tagged

from .responses import NOW, head, target


@pytest.mark.parametrize(
    ("host", "url", "selected"),
    [
        ("example.com", "https://example.com/", True),
        ("example.com", "http://www.example.com:8080/", True),
        ("example.com", "https://notexample.com/", False),
        ("example.com", "https://example.com.evil.test/", False),
        ("192.0.2.1", "http://192.0.2.1/", True),
        ("2001:db8::1", "http://[2001:db8::1]/", True),
    ],
)
def test_a_host_means_itself_and_what_is_below(host: str, url: str, selected: bool) -> None:
    assert of_host(host)(head(url)) is selected


@pytest.mark.parametrize(
    ("glob", "selected"),
    [
        ("https://www.example.com/a?b=1", True),
        ("*", True),
        ("*/a*", True),
        ("*/[ab]?b=?", True),
        ("www.example.com", False),
        ("https://www.example.com/", False),
        ("HTTPS://*", False),
        ("[", False),
    ],
)
def test_a_pattern_is_for_the_whole_url(glob: str, selected: bool) -> None:
    assert matching(glob)(head("https://www.example.com/a?b=1")) is selected


def test_a_target_is_that_one_alone() -> None:
    selects = of_target(target("https://www.example.com/a"))
    assert selects(head("https://www.example.com/a"))
    assert not selects(head("https://www.example.com/a?"))


@pytest.mark.parametrize(("expression", "selected"), [("^https://[a-z.]+/a", True), (r"b=\d$", True), ("^a", False)])
def test_an_expression_is_found_anywhere_in_the_url(expression: str, selected: bool) -> None:
    automaton = read_url(expression)
    assert isinstance(automaton, Automaton)
    assert finding(automaton)(head("https://www.example.com/a?b=1")) is selected


def test_any_of_the_tags_is_enough() -> None:
    stored = replace(head(), fields=FieldSection([(b"surrogate-key", b"News shop"), (b"cache-tag", b"front, x")]))
    assert [tagged([tag])(stored) for tag in (b"news", b"front", b"new")] == [True, True, False]
    assert tagged([b"no", b"shop"])(stored)
    assert not tagged([b"news"])(head())


def test_age_counts_from_the_last_word_of_the_origin() -> None:
    assert received_before(NOW + 2)(head(at=NOW))
    assert not received_before(NOW + 1)(head(at=NOW))


def test_all_must_select() -> None:
    assert all_of(of_host("example.com"), received_before(NOW + 2))(head())
    assert not all_of(of_host("example.com"), received_before(NOW))(head())
