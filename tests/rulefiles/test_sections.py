"""What an operator reads about mistakes in the sections of a file, word for word."""

from pathlib import Path

import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.rules import load


def told(folder: Path, text: str) -> list[str]:
    """The lines of the report on one file `x.yaml`, without the folder."""
    (folder / "x.yaml").write_text(text)
    with pytest.raises(RuleFileError) as caught:
        load([folder])
    return [line.removeprefix(f"{folder}/x.yaml:") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "- a",
            "1:1: expected a mapping with the sections rules, anonymity, inspect, origin_via, safe_search, cache, "
            "tracking, pac",
        ),
        ("rule: []", "1:1: rule: unknown section; did you mean rules?"),
        ("rules: {}", "1:1: rules: expected a list of entries"),
        ("rules: [a]", "1:9: rules[0]: expected a mapping with action and match"),
        ("rules: [{action: deny}]", "1:9: rules[0]: match is missing; write match: {} for every request"),
        ("rules: [{match: {}}]", "1:9: rules[0]: action is missing; expected allow or deny"),
        ("rules: [{action: block, match: {}}]", "1:10: rules[0].action: expected allow or deny, not block"),
        ("rules: [{action: [deny], match: {}}]", "1:10: rules[0].action: expected text"),
        (
            "rules: [{action: deny, match: {}, list: {}}]",
            "1:35: rules[0].list: source is missing; expected the path or the URL of a list",
        ),
        (
            "rules: [{action: deny, match: {}, id: a b}]",
            "1:35: rules[0].id: expected up to 80 letters, digits, dots, dashes and underscores, not a b",
        ),
        (
            f"rules: [{{action: deny, match: {{}}, reason: {'x' * 501}}}]",
            "1:35: rules[0].reason: longer than 500 characters",
        ),
        (
            "rules:\n  - action: deny\n    match: { hots: [a] }",
            "3:14: rules[0].match.hots: unknown key; did you mean host?",
        ),
        (
            "rules:\n  - action: deny\n    match:\n      host:\n        - a.test\n        - b c",
            "6:11: rules[0].match.host[1]: expected a host name or an IP address; b c: it has no canonical form",
        ),
        (
            "anonymity: [{level: medium, match: {}}]",
            "1:14: anonymity[0].level: expected off, standard or strict, not medium",
        ),
        (
            "anonymity: [{level: off, match: {not: {content_type: image/*}}}]",
            "1:40: anonymity[0].match.not.content_type: not known when the request is sent",
        ),
        (
            "anonymity: [{level: off, match: {}, expect: []}]",
            "1:37: anonymity[0].expect: unknown key; expected one of id, level, match, reason",
        ),
        ("inspect: [{action: maybe, match: {}}]", "1:12: inspect[0].action: expected never or always, not maybe"),
        (
            "inspect: [{action: never, match: {path: /x}}]",
            "1:35: inspect[0].match.path: not known before the tunnel is opened",
        ),
        ("cache: [{match: {}, bypass: no}]", "1:21: cache[0].bypass: expected true, not no"),
        (
            "rules: [{action: deny, match: {}, expect: {block: x}}]",
            "1:35: rules[0].expect: expected a list of entries with block or allow",
        ),
        ("a: 1\na: 2", "2:1: key a is given twice, first in line 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_column_path_and_what_was_expected(tmp_path: Path, text: str, line: str) -> None:
    assert told(tmp_path, text) == [line]


def test_every_mistake_of_a_file_is_told_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = """
rules:
  - id: a
    action: deny
    match: { host: example.com }
  - id: a
    action: alow
    reason: [x]
    match: { port: 99999, time: { days: mon-fry }, not: { clint: 10.0.0.1 } }
    expect:
      - { blok: "http://example.com/" }
"""
    assert told(tmp_path, text) == [
        f"6:5: rules[1].id: a is the id of the entry at {tmp_path}/x.yaml:3 already",
        "7:5: rules[1].action: expected allow or deny, not alow",
        "8:5: rules[1].reason: expected text",
        "9:14: rules[1].match.port: expected a port from 1 to 65535 or a range such as 8000-9000, not 99999",
        "9:35: rules[1].match.time.days: expected a day such as mon or a range such as mon-fri, not mon-fry",
        "9:59: rules[1].match.not.clint: unknown key; did you mean client?",
        "11:9: rules[1].expect[0]: expected either block or allow",
        "11:11: rules[1].expect[0].blok: unknown key; did you mean block?",
    ]
