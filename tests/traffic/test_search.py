from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.traffic.search import BadSearch, Search, Term, parse_moment, parse_search

from .examples import NOW


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("", ()),
        ("   ", ()),
        ("host:Example.COM", (Term("host", "example.com"),)),
        ("host:*.example.com", (Term("host", "example.com"),)),
        ("host:bücher.example", (Term("host", "xn--bcher-kva.example"),)),
        ("host:[2001:DB8::1]", (Term("host", "2001:db8::1"),)),
        ("host:2001:db8::1", (Term("host", "2001:db8::1"),)),
        ("client:192.0.2.7", (Term("client", "192.0.2.7"),)),
        ("user:Zoë", (Term("user", "Zoë"),)),
        ("client:2001:DB8::7", (Term("client", "2001:db8::7"),)),
        ("status:404", (Term("status", range(404, 405)),)),
        ("status:4xx", (Term("status", range(400, 500)),)),
        ("status:5XX", (Term("status", range(500, 600)),)),
        ("verdict:Denied", (Term("verdict", "denied"),)),
        ("rule:10-trackers", (Term("rule", "10-trackers"),)),
        ("rule:rules/10-trackers.yaml:12", (Term("rule", "rules/10-trackers.yaml:12"),)),
        ("cache:hit", (Term("cache", "hit"),)),
        ("cache:uri-miss", (Term("cache", "uri-miss"),)),
        ("cache:fwd=uri-miss", (Term("cache", "uri-miss"),)),
        ("cache:stored", (Term("cache", "stored"),)),
        ("type:image", (Term("type", "image"),)),
        ("type:Image/PNG", (Term("type", "image/png"),)),
        ("method:POST", (Term("method", "POST"),)),
        ("larger:500", (Term("larger", 500),)),
        ("larger:1M", (Term("larger", 1024 * 1024),)),
        ("larger:2kb", (Term("larger", 2048),)),
        ("since:10m", (Term("since", NOW - 600),)),
        ("until:2H", (Term("until", NOW - 7200),)),
        ("since:2026-11-22T10:00Z", (Term("since", 1_795_341_600.0),)),
        ("error:connection_refused", (Term("error", "connection_refused"),)),
        ("cleaned:Any", (Term("cleaned", "any"),)),
        ("HOST:a.example", (Term("host", "a.example"),)),
        # Words without a filter's name.
        ("logo", (Term("text", "logo"),)),
        ("a b", (Term("text", "a"), Term("text", "b"))),
        ("https://a.example/x?y", (Term("text", "https://a.example/x?y"),)),
        ("a.example:8443", (Term("text", "a.example:8443"),)),
        ('"localhost:8080"', (Term("text", "localhost:8080"),)),
        ('"summer sale"', (Term("text", "summer sale"),)),
        ('"never closed', (Term("text", "never closed"),)),
        ('rule:"no social"', (Term("rule", "no social"),)),
        ("100%_\\", (Term("text", "100%_\\"),)),
        # Negation.
        ("-cache:hit", (Term("cache", "hit", negated=True),)),
        ('-"summer sale"', (Term("text", "summer sale", negated=True),)),
        ("-logo a-b", (Term("text", "logo", negated=True), Term("text", "a-b"))),
    ],
)
def test_words_understood(line: str, terms: tuple[Term, ...]) -> None:
    assert parse_search(line, NOW) == Search(terms)


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("hots:a.example", "hots:a.example", "one of host:, client:"),
        ("x localhost:8080", "localhost:8080", "quotation marks"),
        ("host:", "host:", "a host name or address"),
        ("host:a..b", "host:a..b", "a host name or address"),
        ("status:99", "status:99", "a status code (404) or class (4xx)"),
        ("status:4x", "status:4x", "4xx"),
        ("-status:600", "-status:600", "4xx"),
        ("verdict:maybe", "verdict:maybe", "allowed or denied"),
        ("cache:cold", "cache:cold", "one of hit, bypass"),
        ("larger:much", "larger:much", "a number of bytes"),
        ("larger:-1", "larger:-1", "a number of bytes"),
        ("since:yesterday", "since:yesterday", "a time ago (10m, 2h, 7d)"),
        ("since:0001-01-01", "since:0001-01-01", "a time ago"),
        ("until:2026-13-01", "until:2026-13-01", "a date and time"),
        ("-", "-", "something to look for"),
        ('""', '""', "something to look for"),
    ],
)
def test_a_word_not_understood_is_named_with_what_was_expected(line: str, word: str, expected: str) -> None:
    bad = parse_search(line, NOW)
    assert isinstance(bad, BadSearch)
    assert bad.word == word
    assert expected in bad.expected
    assert str(bad) == f"{bad.word}: expected {bad.expected}"


def test_a_date_without_zone_is_local() -> None:
    assert parse_moment("2026-11-22T10:00", NOW) == datetime(2026, 11, 22, 10).timestamp()
    assert parse_moment("2026-11-22", NOW) == datetime(2026, 11, 22).timestamp()


def test_a_search_is_bounded() -> None:
    assert isinstance(parse_search("a " * 33, NOW), BadSearch)
    assert isinstance(parse_search("a" * 1001, NOW), BadSearch)


GRAMMAR = st.text('hostclienusarygm:-" 0123456789xKM/.\\%_', max_size=60)


@given(GRAMMAR | st.text(max_size=60))
def test_any_line_is_understood_or_refused(line: str) -> None:
    parsed = parse_search(line, NOW)
    assert isinstance(parsed, Search | BadSearch)
    if isinstance(parsed, Search) and line.strip():
        assert parsed.terms, "a word is never overlooked: a search must not find more than it says"
