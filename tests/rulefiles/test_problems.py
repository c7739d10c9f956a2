from forward_proxy.rulefiles.problems import MAX_LENGTH, MAX_SHOWN, Fault, report
from forward_proxy.rulefiles.tree import Mark


def test_a_fault_is_one_line_with_file_place_path_and_reason() -> None:
    fault = Fault("rules/10-x.yaml", Mark(7, 9), ("rules", 1, "match", "hots"), "unknown key; did you mean host?")
    assert str(fault) == "rules/10-x.yaml:7:9: rules[1].match.hots: unknown key; did you mean host?"
    assert str(Fault("rules", None, (), "cannot be read")) == "rules: cannot be read"


def test_what_a_file_says_can_neither_break_nor_forge_a_line() -> None:
    fault = Fault("a.yaml", Mark(1, 1), ("x\ny",), "not \x1b[31m" + "z" * 1000)
    assert str(fault).startswith("a.yaml:1:1: x\\u000ay: not \\u001b[31mzzz")
    assert "\n" not in str(fault)
    assert len(str(fault)) < MAX_LENGTH + 20


def test_a_report_has_an_end() -> None:
    lines = report([Fault("a.yaml", None, (), str(number)) for number in range(MAX_SHOWN + 3)]).splitlines()
    assert len(lines) == MAX_SHOWN + 1
    assert lines[-1] == "and 3 more"
