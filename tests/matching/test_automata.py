import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_proxy.matching.automata import compile_expression, read_url
from forward_proxy.matching.conditions import Unreadable
from tests.matching.requests import matcher, problems, subject

ATOMS = st.sampled_from(
    ["a", "b", "/", ".", r"\.", "-", "_", "1", r"\d", r"\w", r"\W", "[ab]", "[^a/]", "[a-b1]", "^", "$", r"\b", r"\B"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda part: st.one_of(
        st.tuples(part, part).map("".join),
        st.tuples(part, part).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(part, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?", "{0,2}?"])).map(
            lambda repeat: f"(?:{repeat[0]}){repeat[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(EXPRESSIONS, st.booleans(), st.lists(st.text("abAB/.-_1", min_size=1, max_size=9), min_size=3, max_size=6))
def test_an_automaton_finds_what_python_finds(expression: str, folds: bool, texts: list[str]) -> None:
    expression = f"(?i){expression}" if folds else expression
    automaton, python = compile_expression(expression), re.compile(expression, re.ASCII)
    assert [automaton.found_in(text) for text in texts] == [bool(python.search(text)) for text in texts]


@given(st.text(r"ab\()[]{}*+?|^$.,-1dwBZxi:=<P" + "é\n", max_size=30))
def test_any_text_is_an_expression_or_a_reason(text: str) -> None:
    compiled = read_url(text)
    assert (
        compiled.text if isinstance(compiled, Unreadable) else compiled.found_in("http://example.com/") in (True, False)
    )


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(a", "missing ) at character 3"),
        ("a)", "unbalanced ) at character 2"),
        ("[a", "the expression ends too early at character 3"),
        ("a\\", "the expression ends too early at character 3"),
        ("*a", "nothing to repeat at character 2"),
        ("^*", "nothing to repeat at character 3"),
        ("{2}", "nothing to repeat at character 2"),
        ("a**", "multiple repeat at character 4"),
        ("a{3,2}", "the most is less than the least at character 7"),
        ("a{1001}", "repeats more than 1000 times at character 8"),
        ("a++", "possessive repeats are not possible at character 3"),
        ("[b-a]", "bad character range at character 5"),
        (r"[\d-z]", "bad character range at character 6"),
        (r"(a)\1", "back-references are not possible at character 6"),
        (r"\q", "unknown escape \\q at character 3"),
        (r"\xg0", "expected two hexadecimal digits at character 5"),
        (r"[\1]", "octal escapes are not understood; write \\x and two digits at character 4"),
        (
            "(?=a)",
            "only (…), (?:…) and a leading (?i) are understood, no look-around and no named group at character 3",
        ),
        ("ä", "a canonical URL is ASCII; write other characters as their escapes, such as %C3%A4"),
        ("a" * 1001, "longer than 1000 characters"),
        ("(" * 31 + ")" * 31, "groups are nested too deeply at character 32"),
        ("x.{200}y", "too large; use fewer counted repeats and alternatives"),
        ("(?:(?:(?:){1000}){1000}){1000}", "too large; use fewer counted repeats and alternatives"),
    ],
)
def test_what_no_automaton_can_run_is_refused_with_its_place(expression: str, reason: str) -> None:
    assert problems({"url": expression}) == [("url", f"regular expression: {reason}")]


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(a*)*b", r"/a/.*/a.*/a.*b", "a.*a.*a.*a.*c"])
def test_no_expression_makes_a_url_expensive(expression: str) -> None:
    """Each of these takes a backtracking engine minutes to years here."""
    assert matcher({"url": expression}).matches(subject("http://example.com/" + "/a" * 30_000 + "!")) is False


def test_a_url_of_any_length_is_read_to_its_end() -> None:
    hidden = subject("http://example.com/?" + "x" * 100_000 + "&utm_source=a")
    assert matcher({"url": "[?&]utm_[a-z]+="}).matches(hidden)


def test_the_url_is_the_canonical_one() -> None:
    shout = matcher({"url": "^http://example\\.com/~a\\?b$"})
    assert shout.matches(subject("HTTP://EXAMPLE.com.:80/x/../%7ea?b#c"))
