import json
import zipfile
from pathlib import Path

import pytest

from bench.filters import load, measure_decisions, measure_together, requests_in

REQUESTS = [
    {"url": "https://ads.example/x.js", "frameUrl": "https://news.example/page", "cpt": "script"},
    {"url": "https://news.example/", "frameUrl": "https://news.example/", "cpt": "document"},
    {"url": "https://ads.example/i", "frameUrl": "about:blank", "cpt": "ping"},
    {"url": "https://[x/", "frameUrl": "", "cpt": "image"},
]


def test_requests_are_asked_as_rules_see_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "requests.json.zip", "w") as archive:
        archive.writestr("requests.json", "\n".join(map(json.dumps, REQUESTS)))
    subjects = [asked.subject for asked in requests_in(tmp_path)]
    facts = [(subject.resource, subject.page, subject.third_party) for subject in subjects]
    assert facts == [("script", "news.example", True), ("frame", "news.example", False), ("other", None, None)]


def test_a_list_is_kept_and_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "requests.json.zip", "w") as archive:
        archive.writestr("requests.json", json.dumps(REQUESTS[0]))
    filters, report = load("||ads.example^\n||a.example^$popup", tmp_path / "compiled")
    measure_decisions(filters, list(requests_in(tmp_path)))
    said = capsys.readouterr().out
    assert report.filters == 1
    assert "(the same)" in said
    assert "1 popup" in said
    assert "first pass: median" in said


def test_lists_and_domains_are_loaded_together(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.filters._DOMAINS", 100)
    for name in ("easylist.txt", "easyprivacy.txt"):
        (tmp_path / name).write_text(f"||{name}.example^$script\n")
    with zipfile.ZipFile(tmp_path / "requests.json.zip", "w") as archive:
        archive.writestr("requests.json", json.dumps(REQUESTS[0]))
    (tmp_path / "state").mkdir()
    measure_together(tmp_path, tmp_path / "state")
    said = capfd.readouterr().out
    assert "100 domains and 2 filters, cold: load" in said
    assert "100 domains and 2 filters, from the compiled forms: load" in said
    assert said.count("decision of the rule set, first pass: median") == 2
