"""docs/settings.md says of every setting what the code says."""

from pathlib import Path

from forward_proxy.settings import SETTINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def _rows() -> dict[str, list[str]]:
    lines = DOCUMENT.read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows if len(row) == 5}


def test_the_table_has_every_setting_in_order_and_no_other() -> None:
    assert list(_rows()) == [setting.key for setting in SETTINGS]


def test_default_environment_and_flag_are_the_ones_in_the_code() -> None:
    for setting in SETTINGS:
        default, environment, flag, meaning = _rows()[setting.key]
        expected = "see below" if setting.default is None else f"`{setting.default[0]}`" if setting.default else "none"
        assert (default, environment) == (expected, f"`{setting.environment}`"), setting.key
        assert flag == (f"`{setting.flag}`" if setting.flag else ""), setting.key
        assert meaning
