import json
import zipfile
from pathlib import Path

import pytest

from bench.tracking import main
from tests.cleaning.test_clearurls import LISTS

REQUESTS = [
    {"url": "https://www.shop.example/?srid=1&utm_source=2", "frameUrl": "", "cpt": "document"},
    {"url": "https://news.example/login?utm_source=2", "frameUrl": "", "cpt": "xhr"},
    {"url": "https://news.example/", "frameUrl": "", "cpt": "image"},
    {"url": "https://[x/", "frameUrl": "", "cpt": "image"},
]


def test_requests_are_asked_and_what_became_of_them_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "requests.json.zip", "w") as archive:
        archive.writestr("requests.json", "\n".join(map(json.dumps, REQUESTS)))
    (tmp_path / "clearurls.json").write_text(json.dumps(LISTS["version 1"]))
    main([str(tmp_path)])
    said = capsys.readouterr().out
    assert "rules: 7 of 3 providers, ignored 0" in said
    assert "2 of which something was removed: median" in said
    assert said.count("left alone, though something would have been removed: 1") == 2


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected a folder with clearurls\.json"):
        main([str(tmp_path)])
