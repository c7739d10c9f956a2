"""What is read back names stores to change, so it is checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from forward_proxy.errors import StartError
from forward_proxy.trusting.ledger import Entry, Ledger

ENTRY = Entry("nss", "browser", "/home/me/.pki/nssdb", (), "CA", "AA:BB", {"cert9.db": "00"}, ())
PLAIN: dict[str, Any] = {
    "kind": "nss", "label": "browser", "path": "/home/me/.pki/nssdb", "command": [], "name": "CA",
    "fingerprint": "AA:BB", "before": {"cert9.db": "00"}, "made": [], "after": None,
}  # fmt: skip


def test_entries_are_kept_in_order_until_dropped(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.begin(ENTRY)
    ledger.finish(ENTRY, {"cert9.db": "11"})
    (entry,) = Ledger(tmp_path).entries
    assert entry.after == {"cert9.db": "11"}
    Ledger(tmp_path).drop(entry)
    assert Ledger(tmp_path).entries == []


def test_the_format_is_this(tmp_path: Path) -> None:
    (tmp_path / "trusted.json").write_text(json.dumps([PLAIN]))
    assert Ledger(tmp_path).entries == [ENTRY]


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", "[1]", "[[]]", '[{"kind": "nss"}]',
        *(json.dumps([PLAIN | change]) for change in (
            {"kind": "other"}, {"path": "relative"}, {"path": 1}, {"name": None}, {"before": [1]}, {"before": {"a": 1}},
            {"made": 1}, {"command": [1]}, {"more": ""},
        )),
    ],
)  # fmt: skip
def test_what_is_damaged_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "trusted.json").write_text(text)
    with pytest.raises(StartError, match=r"trusted\.json: damaged"):
        Ledger(tmp_path)
