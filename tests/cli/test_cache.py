import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main

from .stores import fill, key, opened, put

SELECTIONS = [
    ("--host", "example.com", {"/old", "/big?q=1"}),
    ("--host", "WWW.example.com.", {"/big?q=1"}),
    ("--url", "HTTPS://example.com:443/x/../old", {"/old"}),
    ("--url", "example.com/old", {"/old"}),
    ("--glob", "*example.com/?*", {"/old", "/big?q=1"}),
    ("--glob", "https://example.com/*", {"/old"}),
    ("--regex", r"example\.com/(old|big)", {"/old", "/big?q=1"}),
    ("--tag", "FRONT", {"/big?q=1"}),
    ("--older-than", "1h", {"/old"}),
]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


def _run(state: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["cache", command, "--state", str(state), *arguments])


def _listed(state: Path, *arguments: str) -> list[str]:
    """The URLs that `list` tells."""
    lines = _run(state, "list", "--json", *arguments).stdout.splitlines()
    return [json.loads(line)["url"].partition("com")[2] for line in lines]


@pytest.mark.parametrize(("option", "value", "meant"), SELECTIONS)
def test_list_and_purge_mean_the_same_by_a_selector(state: Path, option: str, value: str, meant: set[str]) -> None:
    before = set(_listed(state))
    assert set(_listed(state, option, value)) == meant
    result = _run(state, "purge", option, value, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"removed": len(meant)})
    assert set(_listed(state)) == before - meant


def test_several_tags_select_what_has_any_of_them(state: Path) -> None:
    assert set(_listed(state, "--tag", "front", "--tag", "archive")) == {"/old", "/big?q=1"}


def test_a_soft_purge_leaves_it_there_and_stale(state: Path) -> None:
    result = _run(state, "purge", "--soft", "--regex", "big")
    assert (result.exit_code, result.stdout) == (0, "1 stored response made stale\n")
    assert len(_listed(state)) == 3
    assert "soft purge; over for" in _run(state, "show", "https://www.example.com/big?q=1").stdout
    assert json.loads(_run(state, "purge", "--soft", "--all", "--json").stdout) == {"stale": 3}
    assert json.loads(_run(state, "stats", "--json").stdout)["fresh"] == 0


def test_selectors_given_together_must_all_hold(state: Path) -> None:
    assert _listed(state, "--host", "example.com", "--glob", "*old") == ["/old"]
    assert _run(state, "purge", "--host", "notexample.com", "--glob", "*old").exit_code == 1


def test_what_comes_first_and_how_many(state: Path) -> None:
    assert _listed(state) == ["/", "/big?q=1", "/old"]
    assert _listed(state, "--sort", "size", "-n", "1") == ["/big?q=1"]


def test_a_line_tells_status_size_age_what_is_left_and_the_url(state: Path) -> None:
    lines = [line.split() for line in _run(state, "list").stdout.splitlines()]
    assert [(status, left, url) for status, _, _, left, _, url in lines] == [
        ("200", "59m", "https://notexample.com/"),
        ("200", "59m", "https://www.example.com/big?q=1"),
        ("200", "stale", "https://example.com/old"),
    ]


def test_show_tells_fields_sums_and_until_when(state: Path) -> None:
    text = _run(state, "show", "https://www.example.com/big?q=1").stdout
    for part in ("200, 5,000 bytes", "may be reused without asking, until", "1 h, by max-age", "cache-control", "age"):
        assert part in text
    stale = _run(state, "show", "example.com/old").stdout
    assert "has to be validated first: stale for 71" in stale


def test_show_tells_each_representation_and_what_it_was_selected_by(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for language in ("de", "en"):
        put(store, "http://a.example/", selected_by=language, vary="accept-language", cache_control="max-age=60")
    store.close()
    shown = json.loads(_run(tmp_path, "show", "http://a.example/", "--json").stdout)
    assert {each["only_for"][0][1] for each in shown} == {"de", "en"}
    assert {each["use"] for each in shown} == {"may be reused without asking"}
    assert _run(tmp_path, "show", "http://a.example/").stdout.count("only for") == 2


def test_nothing_from_outside_reaches_the_terminal_as_it_came(state: Path) -> None:
    text = _run(state, "show", "https://notexample.com/").stdout
    assert r"\x1b]0;owned\x07 [red]x[/red]" in text
    assert all(character.isprintable() or character == "\n" for character in text)


def test_stats_sum_up(state: Path) -> None:
    figures = json.loads(_run(state, "stats", "--json").stdout)
    assert (figures["responses"], figures["fresh"], figures["stale"]) == (3, 2, 1)
    assert figures["hosts"][0]["host"] == "www.example.com"
    assert 7170 <= figures["newest_at"] - figures["oldest_at"] <= 7170 + 60  # They were made one after the other.
    assert "3: 2 fresh, 1 stale" in _run(state, "stats").stdout


def test_purge_wants_to_be_told_what(state: Path) -> None:
    for arguments in ((), ("--all", "--host", "example.com")):
        result = _run(state, "purge", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
    assert len(_listed(state)) == 3
    assert _run(state, "purge", "--all").stdout == "3 stored responses removed\n"
    assert _run(state, "purge", "--all").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        *(["list", "--host", "a b"], ["list", "--url", "ftp://x/"], ["purge", "--host", "a/b"], ["show", "http://"]),
        *(["purge", "--regex", "(a"], ["purge", "--regex", r"(a)\1"], ["purge", "--older-than", "soon"]),
    ],
)
def test_what_is_no_host_or_url_is_not_understood(state: Path, arguments: list[str]) -> None:
    assert _run(state, *arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["list"], ["show", "a.example"], ["stats"], ["purge", "--all"]])
def test_no_store_is_said_and_none_is_made(tmp_path: Path, arguments: list[str]) -> None:
    result = _run(tmp_path / "state", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "forward-proxy run" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["list"], ["show", "a.example"], ["stats"], ["purge", "--host", "a.example"]])
def test_an_index_that_cannot_be_read_is_said_and_left_where_it_is(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "responses").mkdir()
    (index := tmp_path / "responses" / "cache.db").write_bytes(b"no database " * 100)
    result = _run(tmp_path, *arguments)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"{index}: cannot be read: ")
    assert list(index.parent.iterdir()) == [index]


def test_verify_tells_what_is_damaged_and_removes_it(state: Path) -> None:
    store = opened(state)
    put(store, "https://a.example/\u202e", content=b"x" * 100_000)
    try:
        sound = _run(state, "verify")
        assert (sound.exit_code, sound.stderr) == (0, "")
        assert sound.stdout == "4 stored responses verified, 103K of content read; all of it is as it was stored\n"
        (file,) = (state / "responses").glob("??/??/*")
        file.write_bytes(b"y" * 100_000)
        result = _run(state, "verify", "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, told["sound"], told["responses"], told["index"]) == (1, False, 4, None)
        assert told["damaged"] == [
            {"url": "https://a.example/%E2%80%AE", "reason": "its content is not as it was written"}
        ]
        assert store.candidates(key("https://a.example/\u202e")) == ()  # The running proxy sees it.
        assert _run(state, "verify").exit_code == 0
    finally:
        store.close()


def test_verify_counts_in_plain_words(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, "https://a.example/", content=b"x" * 735)
    store.close()
    said = _run(tmp_path, "verify").stdout
    assert said == "1 stored response verified, 735 bytes of content read; all of it is as it was stored\n"


def test_stats_say_when_nothing_is_stored_for_want_of_room(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARD_PROXY_CACHE_RESERVE", "1000000TiB")
    said = _run(state, "stats").stdout
    assert "that are to stay free: nothing is stored" in said


@pytest.mark.parametrize(
    ("arguments", "named"), [(["show", "ht!tp://"], "URL"), (["list", "--url", "ht!tp://"], "--url")]
)
def test_what_is_no_url_is_named(state: Path, arguments: list[str], named: str) -> None:
    result = _run(state, *arguments)
    assert result.exit_code == 2
    assert f"Invalid value for {named}: expected a URL" in result.stderr


def _overwritten(index: Path) -> None:
    index.write_bytes(b"no database " * 100)


def _torn(index: Path) -> None:
    """Damage that shows only when the rows are read."""
    octets = bytearray(index.read_bytes())
    octets[4096:] = bytes(len(octets) - 4096)
    index.write_bytes(octets)


@pytest.mark.parametrize("damage", [_overwritten, _torn])
def test_purging_everything_takes_what_cannot_be_read(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = opened(tmp_path)
    put(store, "https://a.example/", content=b"secret" * 100_000)
    store.close()
    damage(tmp_path / "responses" / "cache.db")
    (tmp_path / "responses" / "cache.db.damaged-20260101T000000Z").write_bytes(b"an older one")
    result = _run(tmp_path, "purge", "--all")
    words = "1 stored response removed, and an index that could not be read\n"
    assert (result.exit_code, result.stdout, result.stderr) == (0, words, "")
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "ballast"]
    assert not any(b"secret" in path.read_bytes() for path in left)
    assert not any("damaged" in path.name for path in left)
    assert _run(tmp_path, "purge", "--all").exit_code == 1


def test_what_another_process_purges_a_running_proxy_no_longer_finds(tmp_path: Path) -> None:
    store = opened(tmp_path)
    try:
        for url in ("https://a.example/", "https://b.example/"):
            put(store, url, content=b"x" * 100_000)
        (held,) = store.candidates(key("https://a.example/"))
        command = [sys.executable, "-m", "forward_proxy", "cache", "purge", "--host", "a.example"]
        done = subprocess.run(
            [*command, "--state", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "1 stored response removed\n", "")
        assert store.candidates(key("https://a.example/")) == ()
        assert store.open_content(held) is None
        assert len(store.candidates(key("https://b.example/"))) == 1
    finally:
        store.close()


RULES = """
cache:
  - match: { host: signed.example }
    key: { drop_query: all }
    min_fresh_s: 3600
"""


def test_what_a_rule_keeps_under_another_key_is_found_by_the_url_that_was_asked_for(tmp_path: Path) -> None:
    (rules := tmp_path / "rules").mkdir()
    (rules / "10.yaml").write_text(RULES)
    store = opened(tmp_path)
    put(store, "https://signed.example/f", ago=100)
    store.close()
    url, flags = "https://signed.example/f?sig=1", ("--rules", str(rules))
    shown = _run(tmp_path, "show", url, *flags, "--json")
    (one,) = json.loads(shown.stdout)
    assert (one["url"], one["fresh"], one["basis"]) == ("https://signed.example/f", True, "min_fresh_s")
    assert (one["overrides"], one["overrides_by"]) == ("min_fresh_s 3600, key", f"{rules / '10.yaml'}:3")
    assert one["use"] == "may be reused without asking"
    assert "stored as https://signed.example/f" in _run(tmp_path, "show", url, *flags).stdout
    assert _run(tmp_path, "show", url, "--rules", str(tmp_path / "responses")).exit_code == 1  # No rule says so.
    (listed,) = _run(tmp_path, "list", "--url", url, *flags, "--json").stdout.splitlines()
    assert json.loads(listed)["fresh"] is True
    assert json.loads(_run(tmp_path, "stats", "--json", *flags).stdout)["fresh"] == 1
    assert _run(tmp_path, "purge", "--url", url, *flags).exit_code == 0
    assert _run(tmp_path, "list", *flags).exit_code == 1
