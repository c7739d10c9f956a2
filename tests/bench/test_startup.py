from pathlib import Path

from bench.startup import fill, measure
from forward_proxy.storage.inspection import StoreReader
from tests.storage.responses import content_files


def test_a_filled_store_is_one_that_can_be_asked(tmp_path: Path) -> None:
    fill(tmp_path / "responses", 40)
    assert StoreReader(tmp_path / "responses").count_and_size()[0] == 40
    assert len(content_files(tmp_path / "responses")) == 4
    opened_s, found_s = measure(tmp_path / "responses")
    assert 0 < opened_s < found_s
