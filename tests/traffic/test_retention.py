from contextlib import closing
from pathlib import Path

from forward_proxy.traffic.database import open_for_writing
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.retention import prune, used_bytes
from forward_proxy.traffic.schema import FILE_NAME

from .examples import NOW, example, logged

DAY_S = 86_400


def prune_all(folder: Path, options: Options) -> int:
    """How many slices it took."""
    slices = 0
    with closing(open_for_writing(folder, NOW)) as connection:
        while prune(connection, options, NOW):
            slices += 1
    return slices


def test_records_go_by_age(tmp_path: Path) -> None:
    ages = [40 * DAY_S, 2 * DAY_S + 1, 2 * DAY_S - 1, 0]
    logged(tmp_path, [example(started_at=NOW - age) for age in ages])
    prune_all(tmp_path, Options(keep_days=2))
    assert [record.started_at for record in TrafficReader(tmp_path).tail(9)] == [NOW, NOW - 2 * DAY_S + 1]


def test_the_oldest_go_by_size_and_the_disk_gets_the_room(tmp_path: Path) -> None:
    logged(tmp_path, [example(target=f"https://a.example/{number:0500}") for number in range(10_000)])
    slices = prune_all(tmp_path, Options(max_bytes=4_000_000))
    kept = TrafficReader(tmp_path).tail(10_000)
    assert kept[0].id == 10_000
    assert kept[-1].id == 10_001 - len(kept), "what is left is the newest, with no gap"
    assert 0 < len(kept) < 7_000
    assert slices > 1, "in slices, not at one stroke"
    assert (tmp_path / FILE_NAME).stat().st_size <= 4_000_000


def test_a_small_young_log_is_left_alone(tmp_path: Path) -> None:
    logged(tmp_path, [example()])
    assert prune_all(tmp_path, Options()) == 0


def test_used_bytes_are_pages_less_those_free(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path, NOW)) as connection:
        empty = used_bytes(connection)
    logged(tmp_path, [example(target="https://a.example/" + "x" * 4000)] * 100)
    with closing(open_for_writing(tmp_path, NOW)) as connection:
        assert 400_000 < used_bytes(connection) - empty < 900_000


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    logged(tmp_path, [example(started_at=NOW - 40 * DAY_S)] * 3)
    prune_all(tmp_path, Options(keep_days=1))
    logged(tmp_path, [example()])
    assert [record.id for record in TrafficReader(tmp_path).tail(9)] == [4]
