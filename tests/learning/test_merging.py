import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.learning.entries import entries_for
from forward_proxy.learning.merging import Merged, NotMergeable, merged
from forward_proxy.learning.writing import allow_list
from forward_proxy.rulefiles.rules import Rules, compiled

from .seeing import used

OWN = """# Mine, with comments.
rules:
    - id: not-that   # by hand
      action: deny
      match: { host: tracker.example }
    - action: allow
      match: { host: a.example, path: /known }

    # Nothing else.
    - { id: last, action: deny, match: {} }

anonymity:
    - { level: off, match: {} }
"""


def _compile(content: bytes) -> Rules:
    return compiled((("f.yaml", content),), default="deny")


def _merge(text: str, *lines: str) -> Merged:
    return merged(text, used(*lines), "folders", 0, _compile)


def test_what_is_allowed_already_changes_nothing() -> None:
    change = _merge(OWN, "GET http://a.example/known", "POST https://x.a.example/known")
    assert (change.text, change.entries.rules) == (OWN, ())


def test_only_lines_are_added_before_the_entry_that_denies_everything() -> None:
    change = _merge(OWN, "GET http://a.example/known", "GET https://a.example/new")
    before, after = OWN.splitlines(), change.text.splitlines()
    kept = [line for line in after if line in before]
    assert kept == before
    place = after.index("    # Nothing else.")
    assert after[place - 1].startswith("        - { allow:")
    assert "    - id: a.example-get" in after[:place]


def test_what_a_rule_denies_stays_denied_and_is_told() -> None:
    change = _merge(OWN, "GET https://tracker.example/pixel")
    assert change.text == OWN
    assert [(str(asked), rule.id) for asked, rule in change.stays_denied] == [
        ("GET https://tracker.example/pixel", "not-that")
    ]


def test_what_is_learned_again_is_not_new() -> None:
    lines = ("GET https://a.example/x", "POST https://b.example/bot***/y", "CONNECT c.example:443")
    text = allow_list(entries_for(used(*lines), "folders"), ("Learned",))
    assert _merge(text, *lines).text == text


def test_a_tunnel_is_added_to_both_sections() -> None:
    for text in (OWN, OWN + "inspect:\n  - { action: always, match: { host: z.example } }\n"):
        change = _merge(text, "CONNECT t.example:443")
        assert "t.example" in [choice.where.id or "" for choice in _compile(change.text.encode()).access.rules]
        assert _compile(change.text.encode()).inspect[-1].value == "never"
        assert set(text.splitlines()) <= set(change.text.splitlines())


def test_without_an_entry_that_denies_everything_it_is_added_at_the_end_of_the_rules() -> None:
    text = "rules:\n- { id: a, action: allow, match: { host: a.example } }\n\n# About the rest.\ncache: []\n"
    lines = _merge(text, "GET https://b.example/").text.splitlines()
    assert lines[1] == text.splitlines()[1]
    assert lines[2].startswith("# 1 request")
    assert lines[-3:] == ["", "# About the rest.", "cache: []"]


@pytest.mark.parametrize("text", ["", "# Nothing yet.\n", "cache: []\n"])
def test_a_file_without_rules_gets_them(text: str) -> None:
    change = _merge(text, "GET https://b.example/")
    assert [choice.where.id for choice in _compile(change.text.encode()).access.rules] == ["b.example-get"]
    assert change.text.startswith(text.rstrip("\n"))


def test_line_ends_stay_those_of_the_file() -> None:
    change = _merge(OWN.replace("\n", "\r\n"), "GET https://b.example/")
    assert change.text.count("\n") == change.text.count("\r\n")


@pytest.mark.parametrize("text", ["rules: [{ action: allow, match: { host: a.example } }]\n", "rules:\n"])
def test_rules_without_dashes_are_left_alone(text: str) -> None:
    with pytest.raises(NotMergeable, match="no list with a dash"):
        _merge(text, "GET https://b.example/")


def test_a_file_that_is_wrong_is_told_as_ever() -> None:
    with pytest.raises(RuleFileError, match=r"f\.yaml:2:"):
        _merge("rules:\n  - { action: maybe, match: {} }\n", "GET https://b.example/")
