from pathlib import Path

import pytest

from forward_proxy.errors import TrafficError
from forward_proxy.traffic.hosts import in_use
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.schema import FILE_NAME

from .examples import NOW, example, logged

COLUMNS = ("host", "resource", "page", "target")


def test_the_latest_of_each_kind_stands_for_all_of_it(tmp_path: Path) -> None:
    logged(
        tmp_path,
        [
            example(resource="script", page="news.test", target="http://www.example.com/old.js"),
            example(resource="script", page="news.test", target="http://www.example.com/new.js", exchanges=4),
            example(resource="document", target="http://www.example.com/"),
            example(resource="script", page="news.test", verdict="denied"),
            example(resource="script", page="news.test", error="connection_timeout"),
            example(resource="font", started_at=NOW - 999),
        ],
    )
    assert in_use(TrafficReader(tmp_path), COLUMNS, NOW - 100) == [
        ("www.example.com", "document", None, "http://www.example.com/", 1),
        ("www.example.com", "script", "news.test", "http://www.example.com/new.js", 5),
    ]


def test_without_a_log_nothing_is_in_use_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    assert in_use(TrafficReader(tmp_path), COLUMNS, 0) == []
    (tmp_path / FILE_NAME).write_bytes(b"nothing of ours\n" * 500)
    with pytest.raises(TrafficError):
        in_use(TrafficReader(tmp_path), COLUMNS, 0)
