"""The pictures in docs/ show the program of today; `make pictures` draws them anew."""

import html
import re
from pathlib import Path

import pytest

from forward_proxy.cli.welcome import welcome
from forward_proxy.settings import load_settings
from forward_proxy.settings.endpoints import Endpoint

DOCS = Path(__file__).parents[1] / "docs"
LIVE = (DOCS / "live.svg").read_text(encoding="utf-8")


def test_the_first_screen_is_the_one_in_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    texts = re.findall(r"<text [^>]*>(.*?)</text>", LIVE)
    picture = " ".join(" ".join(html.unescape(text) for text in texts).split())
    screen = welcome(
        load_settings(None, {}, {}), [Endpoint("127.0.0.1", 8080)], ".venv/bin/python -m forward_proxy", 110
    )
    # The first line has the version, which alone is no reason for another picture.
    assert " ".join(screen.plain.partition("\n")[2].split()) in picture


def test_a_picture_fetches_nothing() -> None:
    assert not re.search(r"url\((?!#)|href=|src=|@import|<script", LIVE)
