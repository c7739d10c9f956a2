import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main

from .stores import HOSTILE, opened, put

RULES = """\
rules:
  - { id: a1, action: deny, match: { host: one.example } }
  - { id: a2, action: deny, match: { host: two.example } }
  - { id: a3, action: deny, match: { host: three.example } }
  - { id: a4, action: deny, match: { host: four.example } }
  - { id: trackers, action: deny, match: { host: ads.example, third_party: true }, reason: Follows people }
  - { id: night, action: deny, match: { host: game.example, time: { from: "22:00", to: "06:00", zone: UTC } } }
inspect:
  - { action: never, match: { host: bank.example } }
"""

type Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `explain` with these rules and the state folder `state`, which is not there."""
    (folder := tmp_path / "rules").mkdir()
    (folder / "a.yaml").write_text(RULES)

    def invoke(*arguments: str, stdin: bytes | None = None) -> Result:
        places = ("--rules", str(folder), "--state", str(tmp_path / "state"))
        return CliRunner().invoke(main, ["explain", *places, *arguments], input=stdin)

    return invoke


def _answers(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_outcome_comes_first(run: Run, tmp_path: Path) -> None:
    result = run("https://ads.example/x.js", "--page", "news.example", "--resource", "script")
    place = tmp_path / "rules" / "a.yaml"
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"Denied with 403 by rule trackers ({place}:6): Follows people."


def test_what_would_have_come_next_is_told(run: Run, tmp_path: Path) -> None:
    arguments = ("https://ads.example/x.js", "--page", "news.example")
    told = "Without that rule it would be allowed: no other matches, and that is the default."
    assert told in run(*arguments).stdout
    otherwise = {"verdict": "allowed", "rule": None, "rule_id": None, "reason": "no rule matched; the default is allow"}
    assert json.loads(run(*arguments, "--json").stdout)["otherwise"] == otherwise
    rules = tmp_path / "rules" / "b.yaml"
    rules.write_text("rules: [{ id: all, action: deny, match: {} }]")
    assert f"it would be denied by the next that matches, rule all ({rules}:1)." in " ".join(
        run(*arguments).stdout.split()
    )


def test_nothing_is_made(run: Run, tmp_path: Path) -> None:
    assert run("https://a.example/").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["rules"]


def test_rules_that_do_not_match_are_folded_unless_all_are_wanted(run: Run) -> None:
    folded, whole = (run("https://bank.example/", *more).stdout for more in ((), ("--all",)))
    assert ("… 3 that do not match" in folded, " a1 " in f" {folded} ", "\na1 " in whole) == (True, False, True)
    assert [line.split()[-1] for line in folded.splitlines() if line.startswith(("a4", "trackers", "night"))] == [
        "host", "host", "host",
    ]  # fmt: skip


def test_the_spelling_that_was_changed_is_told(run: Run) -> None:
    text = run("HTTP://me:secret@ADS.example:80/a/../b").stdout
    for part in (
        "http://ads.example/b",
        "host ADS.example is ads.example",
        "port 80 is left out",
        "path /a/../b is /b",
    ):
        assert part in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("a.example", "opened and inspected, by the settings"),
        ("bank.example", "not opened, by "),
        ("a.example:22", "refused"),
    ],
)
def test_whether_the_tunnel_is_opened(run: Run, host: str, told: str) -> None:
    assert told in run(host).stdout


def test_fields_before_and_after(run: Run) -> None:
    arguments = ("http://a.example/", "--header", "TE: gzip", "--header", "Accept: */*")
    changed, whole = run(*arguments).stdout, run(*arguments, "--headers").stdout
    assert ["te", "gzip", "→", "dropped"] in [line.split() for line in changed.splitlines()]
    assert "accept" not in changed
    before, after = whole.partition("before\n")[2].split("after\n")
    names = [{line.split()[0] for line in part.splitlines() if line} for part in (before, after)]
    assert ("te" in names[0], "te" in names[1], "accept" in names[0], "accept" in names[1]) == (True, False, True, True)


@pytest.mark.parametrize(
    ("at", "verdict"), [("2026-11-23T23:00Z", "denied"), ("2026-11-23T12:00Z", "allowed"), ("0", "denied")]
)
def test_the_time_is_the_one_asked_about(run: Run, at: str, verdict: str) -> None:
    assert json.loads(run("http://game.example/", "--at", at, "--json").stdout)["verdict"] == verdict


def test_what_is_stored_is_told_while_a_proxy_runs(run: Run, tmp_path: Path) -> None:
    store = opened(tmp_path / "state")
    put(store, "https://a.example/", ago=75, cache_control="max-age=3600", content=b"x" * 1234)
    text = run("https://a.example/").stdout
    assert text.startswith("Allowed, as no rule matches; answered from the cache with 200.\n")
    assert "200, 1,234 bytes, age 1 min" in text
    assert "lifetime 1 h (max-age), fresh for another 58 min" in text
    later = run("https://a.example/", "--at", str(int(time.time()) + 7200)).stdout
    assert "may be reused" not in later
    store.close()
    assert run("https://a.example/").stdout.startswith("Allowed, as no rule matches; answered from the cache")


def test_a_store_that_cannot_be_read_is_said_and_left_alone(run: Run, tmp_path: Path) -> None:
    (folder := tmp_path / "state" / "responses").mkdir(parents=True)
    (folder / "cache.db").write_bytes(b"no database " * 100)
    result = run("https://a.example/")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        1, "Allowed, as no rule matches; sent to the origin: nothing stored for this address.",
    )  # fmt: skip
    assert result.stderr.startswith(f"{folder / 'cache.db'}: cannot be read: ")
    assert [path.name for path in folder.iterdir()] == ["cache.db"]


def test_nothing_from_outside_reaches_the_terminal_as_it_came(run: Run) -> None:
    result = run("http://a.example/", "--header", f"X-Odd: {HOSTILE}", "--headers")
    assert (result.exit_code, r"\x1b]0;owned\x07 [red]x[/red]" in result.stdout) == (0, True)
    assert all(character.isprintable() or character == "\n" for character in result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://"],
        ["ftp://a.example/"],
        ["http://a.example/", "--client", "here"],
        ["http://a.example/", "--at", "noon"],
        ["http://a.example/", "--method", "get"],
        ["http://a.example/", "--resource", "picture"],
        ["http://a.example/", "--header", "no colon"],
        ["http://a.example/", "--header", "Host: b.example"],
        ["http://a.example/", "--page", "a b"],
    ],
)
def test_what_is_not_understood_ends_with_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")


def test_json_is_the_whole_explanation(run: Run) -> None:
    data = json.loads(run("HTTPS://ads.example/", "--page", "news.example", "--json").stdout)
    assert (data["verdict"], data["rule_id"], data["inspected"]) == ("denied", "trackers", True)
    assert (data["request"]["third_party"], data["request"]["page"]) == (True, "news.example")
    assert data["respelled"] == ["scheme HTTPS is https"]
    assert [step["id"] for step in data["trail"]] == ["a1", "a2", "a3", "a4", "trackers"]


def test_many_questions_get_a_verdict_each_in_their_order(run: Run) -> None:
    lines = [
        {"url": "https://ads.example/", "page": "news.example"},
        {"url": "https://ads.example/", "page": "ads.example"},
        {"url": "nonsense"},
        {"url": "http://game.example/", "at": 0},
    ]
    result = run("-", stdin=b"\n".join(json.dumps(line).encode() for line in lines))
    answers = _answers(result)
    assert result.exit_code == 1
    assert [answer.get("rule_id", "?") for answer in answers] == ["trackers", None, "?", "night"]
    assert answers[2] == {"error": "not an absolute URI", "line": 3}


def test_wrong_lines_do_not_stop_the_rest(run: Run) -> None:
    lines = [b"{", b"", b"\xff\xfe", b'{"url": "' + b"x" * (3 << 20) + b'"}', b'{"url": "http://a.example/"}']
    answers = _answers(run("-", stdin=b"\r\n".join(lines)))
    assert [answer.get("line") for answer in answers] == [1, 3, 4, None]
    assert answers[3]["url"] == "http://a.example/"


def test_no_question_is_no_answer(run: Run) -> None:
    result = run("-", stdin=b"")
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_program_can_ask_in_turn(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULES)
    command = [sys.executable, "-m", "forward_proxy", "explain", "-", "--rules", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asked:
        assert asked.stdin
        assert asked.stdout
        for host in ("one.example", "zero.example"):
            asked.stdin.write(json.dumps({"url": f"http://{host}/"}).encode() + b"\n")
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["url"] == f"http://{host}/"
        asked.stdin.close()
        assert asked.wait(30) == 0


def test_neither_the_engine_nor_what_draws_is_imported_for_verdicts() -> None:
    code = (
        "import sys\nfrom forward_proxy.cli import main\n"
        "try: main(['explain', '-', '--rules', sys.argv[1]])\nexcept SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, here], input="", capture_output=True, text=True, check=True, timeout=60
    )
    assert not set(done.stdout.split()) & {"mitmproxy", "rich", "cryptography"}
