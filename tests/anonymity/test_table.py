import subprocess
import sys
from pathlib import Path

import pytest

from forward_proxy.anonymity import Level, render_table
from forward_proxy.anonymity.requests import REQUEST_ROWS
from forward_proxy.anonymity.responses import RESPONSE_ROWS
from forward_proxy.anonymity.treatment import DROP, KEEP, Row
from tests.anonymity.exchanges import delivered, sent

DOCS = Path(__file__).parents[2] / "docs" / "anonymity.md"


def test_the_docs_hold_the_table_as_it_is() -> None:
    assert render_table() in DOCS.read_text(encoding="utf-8")


def test_the_command_in_the_docs_prints_it() -> None:
    command = "python -m forward_proxy.anonymity"
    assert command in DOCS.read_text(encoding="utf-8")
    printed = subprocess.run([sys.executable, *command.split()[1:]], capture_output=True, text=True, encoding="utf-8")
    assert printed.stdout == render_table() + "\n"


@pytest.mark.parametrize("rows", [REQUEST_ROWS, RESPONSE_ROWS])
def test_no_field_has_two_rows(rows: tuple[Row, ...]) -> None:
    names = [name.lower() for row in rows for name in row.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("rows", [REQUEST_ROWS, RESPONSE_ROWS])
def test_a_star_stands_only_at_an_end_of_a_name(rows: tuple[Row, ...]) -> None:
    starred = [name for row in rows for name in row.names if "*" in name]
    assert all(name.count("*") == 1 and "*" in (name[0], name[-1]) for name in starred)


PLAIN = [
    (where, name.replace("*", "Anything"), level, treatment)
    for where, rows in ((sent, REQUEST_ROWS), (delivered, RESPONSE_ROWS))
    for row in rows
    for level, treatment in ((Level.STANDARD, row.standard), (Level.STRICT, row.strict))
    if treatment in (KEEP, DROP)
    for name in row.names
]


@pytest.mark.parametrize(("where", "name", "level", "treatment"), PLAIN)
def test_each_plain_row_does_what_it_says(where: object, name: str, level: Level, treatment: object) -> None:
    assert callable(where)
    assert (name.lower().encode() in where(level, f"{name}: 1")) is (treatment is KEEP)
