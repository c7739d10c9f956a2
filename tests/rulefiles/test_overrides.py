"""What an entry of `cache:` may say, and what an operator reads who says it wrong."""

from pathlib import Path

import pytest

from forward_proxy.caching import Override
from forward_proxy.caching.overrides import IGNORABLE, KeyRule
from forward_proxy.rulefiles.overrides import KEYS
from forward_proxy.rulefiles.rules import load
from tests.caching.messages import target
from tests.rulefiles.test_sections import told

MOST = 2**31


def test_an_entry_with_everything(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        """
cache:
  - match: { host: a.test }
    min_fresh_s: 60
    max_fresh_s: 3600
    negative_s: 5
    ignore: [no-store, set-cookie]
    key: { drop_query: [sig, utm_*, "a%5bb"], sort_query: true, same_as: "HTTPS://B.test:443" }
    pin: true
"""
    )
    where = f"{tmp_path / 'x.yaml'}:3"
    (choice,) = load([tmp_path]).cache
    assert choice.value == Override(
        where,
        min_fresh_s=60,
        max_fresh_s=3600,
        negative_s=5,
        ignore=frozenset(("no-store", "set-cookie")),
        key=KeyRule(
            where,
            drop=frozenset(("sig", "a%5Bb")),
            drop_beginnings=("utm_",),
            sort_query=True,
            same_as=target("https://b.test/"),
        ),
        pin=True,
    )
    words = "min_fresh_s 60, max_fresh_s 3600, negative_s 5, ignore no-store, ignore set-cookie, key, pin"
    assert str(choice.value) == words


@pytest.mark.parametrize("said", ["all", "[all]"])
def test_all_is_the_whole_query_in_a_list_too(tmp_path: Path, said: str) -> None:
    (tmp_path / "x.yaml").write_text(f"cache: [{{match: {{}}, key: {{drop_query: {said}}}}}]")
    (choice,) = load([tmp_path]).cache
    assert choice.value.key == KeyRule(f"{tmp_path / 'x.yaml'}:1", drop_all=True)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", f"1:9: cache[0]: expected at least one of {', '.join(KEYS)}"),
        (", bypass: no", "1:21: cache[0].bypass: expected true, not no"),
        (", pin: [true]", "1:21: cache[0].pin: expected true"),
        (", bypass: true, pin: true", "1:21: cache[0].bypass: nothing else has a meaning beside it"),
        (", min_fresh_s: 1h", f"1:21: cache[0].min_fresh_s: expected seconds, a whole number up to {MOST}"),
        (", max_fresh_s: -1", f"1:21: cache[0].max_fresh_s: expected seconds, a whole number up to {MOST}"),
        (f", negative_s: {MOST + 1}", f"1:21: cache[0].negative_s: expected seconds, a whole number up to {MOST}"),
        (", min_fresh_s: 9, max_fresh_s: 8", "1:21: cache[0].min_fresh_s: more than max_fresh_s, which is 8"),
        (", pin: true, min_fresh: 9", "1:32: cache[0].min_fresh: unknown key; did you mean min_fresh_s?"),
        (", ignore: no-stor", "1:21: cache[0].ignore: no-stor is nothing to ignore; did you mean no-store?"),
        (
            ", ignore: [private, x]",
            f"1:39: cache[0].ignore[1]: x is nothing to ignore; expected one of {', '.join(IGNORABLE)}",
        ),
        (", ignore: []", "1:21: cache[0].ignore: expected at least one value"),
        (", ignore: [[a]]", "1:30: cache[0].ignore[0]: expected text"),
        (", key: all", "1:21: cache[0].key: expected a mapping of drop_query, sort_query, same_as"),
        (", key: {}", "1:21: cache[0].key: expected a mapping of drop_query, sort_query, same_as"),
        (", key: {drop: a}", "1:27: cache[0].key.drop: unknown key; expected one of drop_query, sort_query, same_as"),
        (", key: {sort_query: no}", "1:27: cache[0].key.sort_query: expected true, not no"),
        (
            ", key: {drop_query: [all, x]}",
            "1:40: cache[0].key.drop_query[0]: all is the whole query, so nothing else has a meaning beside it",
        ),
        (", key: {drop_query: '*'}", "1:27: cache[0].key.drop_query: write drop_query: all for the whole query"),
        (
            ", key: {drop_query: [a*b]}",
            "1:40: cache[0].key.drop_query[0]: expected the name of a query parameter, or its beginning and *, not a*b",
        ),
        (
            ", key: {drop_query: a=1}",
            "1:27: cache[0].key.drop_query: expected the name of a query parameter, or its beginning and *, not a=1",
        ),
        (
            ", key: {same_as: b.test}",
            "1:27: cache[0].key.same_as: "
            "expected the URL of an origin, such as https://downloads.example, or of one resource",
        ),
        (
            ", key: {same_as: 'https://u:p@b.test'}",
            "1:27: cache[0].key.same_as: "
            "expected the URL of an origin, such as https://downloads.example, or of one resource",
        ),
        (
            ", key: {same_as: 'https://b.test/#f'}",
            "1:27: cache[0].key.same_as: "
            "expected the URL of an origin, such as https://downloads.example, or of one resource",
        ),
        (
            ", key: {same_as: 'https://b.test/f', sort_query: true}",
            "1:27: cache[0].key.same_as: with a path it is the whole key, so nothing else has a meaning beside it",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, said: str, problem: str) -> None:
    assert told(tmp_path, f"cache: [{{match: {{}}{said}}}]") == [problem]


@pytest.mark.parametrize(
    ("said", "word"), [("bypass: true", "bypass"), ("key: {drop_query: all}", "key"), ("min_fresh_s: 9", "")]
)
def test_what_is_decided_with_the_request_cannot_ask_for_the_responses_type(
    tmp_path: Path, said: str, word: str
) -> None:
    text = f"cache:\n  - match: {{ not: {{ content_type: image/* }} }}\n    {said}\n"
    if word:
        assert told(tmp_path, text) == [f"2:21: cache[0].match.not.content_type: not known when {word} is decided"]
    else:
        (tmp_path / "x.yaml").write_text(text)
        assert load([tmp_path]).counts["cache"] == 1


def test_the_readme_explains_every_word() -> None:
    document = (Path(__file__).parents[2] / "docs" / "caching.md").read_text()
    assert [
        word for word in (*KEYS, *IGNORABLE, "drop_query", "sort_query", "same_as") if f"`{word}`" not in document
    ] == []
