import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forward_proxy.cli import main
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.subscriptions import Known, Subscriptions

URL = "https://lists.test/ads.txt"
HOSTS = "# Hosts\n0.0.0.0 ads.test\n0.0.0.0 ads.test\n192.0.2.1 nas.test\n"
RULES = f"""\
rules:
  - {{ id: local, action: deny, list: {{ source: hosts.txt }} }}
  - {{ id: ads, action: deny, list: {{ source: "{URL}" }}, match: {{ client: 192.0.2.0/24 }} }}
"""
ENTRY = ListEntry(URL, None)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder, beside the folder `rules` with a list in a file and one by URL."""
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    Path("state").mkdir()
    Path("rules/x.yaml").write_text(RULES)
    Path("rules/hosts.txt").write_text(HOSTS)
    return tmp_path / "state"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", *arguments, "--rules", "rules", "--state", "state"])


def _hold(state: Path, content: bytes) -> Subscriptions:
    """A list by URL with a good copy, and an edition that waits."""
    subscriptions = Subscriptions(state / "lists")
    subscriptions.take(ENTRY, b"ads.test\nold.test\n")
    subscriptions.hold(ENTRY, content)
    subscriptions.note(
        ENTRY,
        Known(
            URL, 1000, 1000, 1000, doubts=("it would deny 1 hosts in use, such as bank.test",), added=1, removed=1,
            examples_added=("bank.test",), examples_removed=("old.test",), denied_hosts=("bank.test",),
        ),
    )  # fmt: skip
    return subscriptions


def test_lists_tells_what_became_of_the_lines_and_what_is_not_there(state: Path) -> None:
    told = _run("lists")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.output.splitlines()]
    assert lines[0] == ["local", "hosts", "4", "1", "1", "1", "-", "-", "in", "force"]
    assert lines[1] == ["ads", "auto", "0", "0", "0", "0", "-", "-", "not", "there", "yet"]
    assert "  deny by rules/hosts.txt, named in rules/x.yaml:2" in told.output
    assert "  ignored 1: leads to an address, first line 4: 192.0.2.1 nas.test" in told.output


def test_lists_as_json_has_all_of_it(state: Path) -> None:
    _hold(state, b"ads.test\nbank.test\n")
    told = _run("lists", "--json")
    local, ads = map(json.loads, told.output.splitlines())
    assert (local["rules"], local["duplicates"], local["held"]) == (1, 1, None)
    assert local["ignored_lines"] == [
        {"file": "rules/hosts.txt", "line": 4, "text": "192.0.2.1 nas.test", "reason": "leads to an address"}
    ]
    assert (ads["source"], ads["changed_at"], ads["next_at"], ads["failure"]) == (URL, 1000, 87_400, None)
    assert ads["held"]["denied_hosts"] == ["bank.test"]
    assert told.exit_code == 1


def test_what_is_held_is_shown_with_its_difference_and_accepted_by_id_or_url(state: Path) -> None:
    _hold(state, b"ads.test\nbank.test\n")
    told = _run("lists")
    assert told.exit_code == 1
    for line in (
        "  held: it would deny 1 hosts in use, such as bank.test",
        "  +1 entry: bank.test",
        "  -1 entry: old.test",
        "  in use, and denied with it: bank.test",
        "  forward-proxy rules accept ads takes it",
    ):
        assert line in told.output.splitlines()
    assert _run("accept", URL).output == f"{URL}: accepted, 2 rules\n"
    assert _run("lists").exit_code == 0
    again = _run("accept", "ads")
    assert (again.exit_code, again.stderr) == (1, "ads: nothing is held\n")


def test_accept_says_what_it_does_not_take(state: Path) -> None:
    subscriptions = _hold(state, b"<html>\n")
    shown = _run("lists").stdout
    assert "it cannot be taken: what is published has to change, or the rules" in shown
    assert "takes it" not in shown
    refused = _run("accept", "ads")
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"{URL}: cannot be taken: is a web page, not a list\n",
    )
    assert subscriptions.is_held(ENTRY)
    unknown = _run("accept", "nothing")
    assert unknown.exit_code == 2
    assert "no rule has the id or the list nothing" in unknown.stderr


def test_explain_names_the_line_of_the_list(state: Path) -> None:
    told = CliRunner().invoke(main, ["explain", "http://ads.test/", "--rules", "rules", "--state", "state"])
    assert "Denied with 403 by rule local (rules/hosts.txt:2): listed: ads.test." in told.output


def test_of_several_lists_each_has_a_line_and_is_accepted_by_its_url_or_all_by_the_id(state: Path) -> None:
    both = f'list: [{{ source: main.txt }}, {{ source: "{URL}" }}]'
    Path("rules/x.yaml").write_text(f"rules:\n  - {{ id: both, action: deny, {both} }}\n")
    Path("rules/main.txt").write_text("||ads.test^\n!#include more.txt\n!#include none.txt\n")
    Path("rules/more.txt").write_text("||more.test^\n||more.test^$popup\n")
    _hold(state, b"ads.test\nbank.test\n")
    told = _run("lists")
    lines = [" ".join(line.split()) for line in told.output.splitlines()]
    assert lines[:2] == [
        "rules/main.txt adblock 5 2 1 0 - - in force",
        f"{URL} domains 2 2 0 0 {lines[1].split()[6]} 0s held",
    ]
    for line in (
        "rules/main.txt",
        "deny by rule both, named in rules/x.yaml:2",
        "included, line 2: rules/more.txt: 2 lines, 1 rule",
        "not included, line 3: none.txt: there is no such file",
        "ignored 1 popup: only for types that a proxy cannot tell from others, or for none, "
        "first line 2 of rules/more.txt: ||more.test^$popup",
        f"forward-proxy rules accept {URL} takes it",
    ):
        assert line in lines
    data = json.loads(_run("lists", "--json").output.splitlines()[0])
    assert [(each["path"], each["problem"]) for each in data["includes"]] == [
        ("more.txt", ""), ("none.txt", "there is no such file"),
    ]  # fmt: skip
    assert data["ignored_lines"][0]["file"] == "rules/more.txt"
    assert _run("accept", "both").output == f"{URL}: accepted, 2 rules\n"
    assert _run("accept", "both").stderr == "both: nothing is held\n"


def test_accept_takes_nothing_that_would_leave_the_rules_unsound(state: Path) -> None:
    expect = "expect: [{ allow: 'http://bank.test/', client: 192.0.2.1 }]"
    Path("rules/y.yaml").write_text(f"rules: [{{ action: deny, match: {{ host: x.test }}, {expect} }}]\n")
    subscriptions = _hold(state, b"ads.test\nbank.test\n")
    refused = _run("accept", "ads")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"{URL}: cannot be taken, the rules would not be sound: rules/y.yaml:1:")
    assert subscriptions.is_held(ENTRY)


def test_lists_of_tracking_come_behind_those_of_rules(state: Path) -> None:
    Path("rules/a.yaml").write_text("tracking: [{ id: clear, action: remove, list: { source: clear.json } }]\n")
    Path("rules/clear.json").write_text(json.dumps({"providers": {"p": {"urlPattern": ".*", "rules": ["a", "(?=b)"]}}}))
    told = _run("lists")
    assert told.exit_code == 0, told.output
    row = [line.split() for line in told.output.splitlines()][2]
    assert row == ["clear", "clearurls", "1", "1", "1", "0", "-", "-", "in", "force"]
    assert "  remove by rules/clear.json, named in rules/a.yaml:1" in told.output
    assert "  ignored 1: regular expression: only (…), (?:…) and a leading (?i) are understood" in told.output
