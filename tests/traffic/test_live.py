from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from forward_proxy.traffic.live import (
    human_bytes,
    human_seconds,
    live_heading,
    live_line,
    plain_line,
    shortened,
    what_happened,
)
from forward_proxy.traffic.record import Record

from .examples import NOW, example

LONG = "https://www.example.com/a/long/path/that/goes/on/and/on/and/on/and/on/index.html?q=1"
DENIED = example(verdict="denied", outcome="denied", rule="rules/10-trackers.yaml:12", status=403)


@pytest.mark.parametrize(
    ("record", "width", "line"),
    [
        (
            example(),
            120,
            "22:25:40 192.0.2.7       GET     www.example.com/logo.png    200   2.0K   500ms hit",
        ),
        (
            example(target=LONG, outcome="fwd=uri-miss"),
            90,
            "22:25:40 GET     www.examp…/index.html?… 200   2.0K   500ms fwd=uri-miss",
        ),
        (
            example(user="alice", client="10.0.0.7"),
            120,
            "22:25:40 alice@10.0.0.7  GET     www.example.com/logo.png    200   2.0K   500ms hit",
        ),
        (DENIED, 90, "22:25:40 GET     www.examp….com/logo.png 403   2.0K   500ms denied by ru…-trackers.yaml:12"),
        (
            example(target="http://a.example/", error="connection_refused", status=502, ended_at=None),
            60,
            "22:25:40 GET     http://a.example/  502 error co…ion_refused",
        ),
        (example(target="a.example:443", outcome="tunnel", status=None), 40, "22:25:40 a.example:443   - tunnel"),
    ],
)
def test_a_line_for_a_terminal(record: Record, width: int, line: str) -> None:
    assert live_line(record, width, UTC).plain == line


def test_headings_stand_over_their_columns() -> None:
    for width in (40, 60, 90, 120, 200):
        line, heading = live_line(example(target="a.example:1"), width, UTC).plain, live_heading(width)
        assert heading.index("target") == line.index("a.example:1"), width
        assert heading.index("what") == line.index("hit"), width


def test_secrets_and_queries_never_show_even_of_a_record_that_was_not_cleaned() -> None:
    record = example(target="https://joe:zQ7@a.example/x?token=zQ7#zQ7")
    assert "zQ7" not in live_line(record, 200).plain + plain_line(record)
    assert "a.example/x?…" in live_line(record, 200).plain


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=60)
RECORDS = st.builds(
    Record,
    st.floats(),
    *[TEXTS] * 5,
    status=st.none() | st.integers(),
    ended_at=st.none() | st.floats(),
    response_bytes=st.integers(-(2**63), 2**63 - 1),
    verdict=st.sampled_from(["allowed", "denied"]),
    rule=st.none() | TEXTS,
    error=st.none() | TEXTS,
    reason=st.none() | TEXTS,
)


@given(RECORDS, st.integers(0, 250))
def test_any_record_fits_any_terminal(record: Record, width: int) -> None:
    line = live_line(record, width, UTC)
    assert cell_len(line.plain) <= width
    assert line.plain.isprintable()
    assert plain_line(record, UTC).isprintable()


def test_a_line_for_a_pipe() -> None:
    assert plain_line(example(), UTC) == (
        "2026-11-21T22:25:40.000+00:00 192.0.2.7 GET https://www.example.com/logo.png 200 2048 500ms hit"
    )
    assert plain_line(example(method="A B", target="/c d", status=None, ended_at=None, client=""), UTC) == (
        "2026-11-21T22:25:40.000+00:00 - A%20B /c%20d - 2048 - hit"
    )
    assert plain_line(example(exchanges=1234), UTC).endswith(" 200 2048 - hit ×1,234")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (example(), "hit"),
        (example(outcome="fwd=uri-miss"), "fwd=uri-miss"),
        (DENIED, "denied by rules/10-trackers.yaml:12"),
        (example(exchanges=1234), "hit ×1,234"),
        (replace(DENIED, exchanges=2), "denied by rules/10-trackers.yaml:12 ×2"),
        (example(verdict="denied", outcome="denied", reason="not in allow_clients"), "denied: not in allow_clients"),
        (example(verdict="denied", outcome="denied"), "denied: by default"),
        (example(outcome="tunnel", kind="tunnel"), "tunnel"),
        (example(outcome="error", error="connection_refused"), "error connection_refused"),
        (example(outcome="stale", error="dns_error"), "stale, dns_error"),
        (example(outcome="stale", cache_detail="the origin answered 503"), "stale, the origin answered 503"),
    ],
)
def test_what_happened(record: Record, words: str) -> None:
    assert what_happened(record) == words


@pytest.mark.parametrize(
    ("record", "style"),
    [
        (DENIED, "bold red"),
        (example(error="dns_error"), "red"),
        (example(), "green"),
        (example(outcome="fwd=stale"), ""),
        (example(outcome="stale", error="dns_error"), "yellow"),
    ],
)
def test_colour_is_for_what_stands_out(record: Record, style: str) -> None:
    line = live_line(record, 120, UTC)
    assert [span.style for span in line.spans if span.end == len(line.plain)] == ([style] if style else [])


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (-1, "0"),
        (999, "999"),
        (1000, "1.0K"),
        (10_240, "10K"),
        (1023 * 1024, "1.0M"),
        (5_872_025, "5.6M"),
        (2**40, "1.0T"),
        (2**63 - 1, "999P"),
    ],
)
def test_bytes_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-1.0, "-"),
        (float("nan"), "-"),
        (float("inf"), "-"),
        (0.0, "0ms"),
        (0.0374, "37ms"),
        (12.34, "12.3s"),
        (4500.0, "75m"),
        (360_000.0, "100h"),
    ],
)
def test_durations_for_people(seconds: float | None, text: str) -> None:
    assert human_seconds(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("abcdefghij", 10, "abcdefghij"),
        ("abcdefghij", 6, "ab…hij"),
        ("abcdefghij", 2, "…"),
        ("abcdefghij", 0, ""),
        ("漢字漢字漢字", 7, "漢 … 字"),
    ],
)
def test_the_middle_is_left_out(text: str, width: int, short: str) -> None:
    assert shortened(text, width) == short
    assert cell_len(shortened(text, width)) <= width


def test_a_time_no_calendar_has_is_dashes() -> None:
    assert live_line(example(started_at=float("inf")), 80).plain.startswith("--------")
    assert plain_line(example(started_at=NOW * 1e9)).startswith("- ")
