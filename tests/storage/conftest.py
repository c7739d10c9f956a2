from collections.abc import Iterator
from pathlib import Path

import pytest

from forward_proxy.storage.store import Store

from .responses import ROOMY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "responses"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    opened = Store(folder, ROOMY)
    opened.start(check=False)
    yield opened
    opened.close()
