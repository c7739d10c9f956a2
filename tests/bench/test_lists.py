from pathlib import Path

from bench.lists import made_up, measured


def test_a_list_is_measured_cold_and_from_its_compiled_form(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("\n".join(made_up(1000)))
    for _ in range(2):
        rules, *_ = measured(names, tmp_path)
        assert rules == 1000
    assert len(list((tmp_path / "lists" / "compiled").iterdir())) == 1
