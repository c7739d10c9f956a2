from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.settings import SETTINGS, kinds
from forward_proxy.settings.kinds import Kind, words


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096B", 4096),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("512MiB", 512 * 1024 * 1024),
        ("1GB", 10**9),
        ("10 GiB", 10 * 1024**3),
        ("1.5GiB", 1024**3 * 3 // 2),
        ("2TiB", 2 * 1024**4),
        ("0.001MB", 1000),
        ("-1", None),
        ("1.5", None),  # half a byte
        ("1Gib", None),  # bits
        ("1g", None),
        ("1e9", None),
        ("1_000", None),
        ("٣", None),
        ("", None),
        ("9" * 16, None),
    ],
)
def test_a_size_is_bytes_or_has_a_unit(text: str, size: int | None) -> None:
    assert kinds.SIZE.parse(text) == size


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("256", 256), ("0", None), ("257", None), ("-1", None), ("x", None), ("2.5", None), ("", None)],
)
def test_workers_are_counted_from_one(text: str, count: int | None) -> None:
    assert kinds.WORKERS.parse(text) == count


def test_as_many_workers_as_cores_are_at_least_one() -> None:
    assert (kinds.WORKERS.parse("auto") or 0) >= 1
    assert kinds.WORKERS.parse("Auto") == kinds.WORKERS.parse("auto")


def test_a_limit_of_zero_is_refused_where_it_would_mean_nothing_or_everything() -> None:
    assert kinds.POSITIVE_SIZE.parse("0GiB") is None
    assert kinds.SIZE.parse("0GiB") == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10.0),
        ("10s", 10.0),
        ("0.5s", 0.5),
        ("250ms", 0.25),
        ("15m", 900.0),
        ("2h", 7200.0),
        ("365d", 31_536_000.0),
        ("366d", None),
        ("0", None),
        ("0.1ms", None),
        ("-1s", None),
        ("inf", None),
        ("15min", None),
    ],
)
def test_a_duration_is_seconds_or_has_a_unit(text: str, seconds: float | None) -> None:
    assert kinds.DURATION.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("Off", False), ("no", False), ("TRUE", True), ("1", None), ("", None)]
)
def test_a_switch_has_three_pairs_of_words(text: str, value: bool | None) -> None:
    assert kinds.SWITCH.parse(text) is value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kinds.FRACTION, "0", 0.0),
        (kinds.FRACTION, "0.25", 0.25),
        (kinds.FRACTION, "1.0", 1.0),
        (kinds.FRACTION, "1.1", None),
        (kinds.FRACTION, "nan", None),
        (kinds.DAYS, "30", 30),
        (kinds.DAYS, "0", None),
        (kinds.DAYS, "36501", None),
        (kinds.PORT, "65535", 65535),
        (kinds.PORT, "65536", None),
        (kinds.PORT, "0", None),
        (kinds.PORT, "0443", None),
        (kinds.NETWORK, "192.168.0.0/16", ip_network("192.168.0.0/16")),
        (kinds.NETWORK, "10.0.0.1", ip_network("10.0.0.1/32")),
        (kinds.NETWORK, "::ffff:10.0.0.0/104", ip_network("10.0.0.0/8")),
        (kinds.NETWORK, "10.0.0.1/8", None),
        (kinds.NETWORK, "fe80::1%eth0", None),
        (kinds.NETWORK, "office", None),
        (kinds.TARGET_FIELD, "CDN-Cache-Control", "CDN-Cache-Control"),
        (kinds.TARGET_FIELD, "Cache-control", None),
        (kinds.TARGET_FIELD, "expires", None),
        (kinds.TARGET_FIELD, "a b", None),
        (kinds.FOLDER, "rules", Path("rules")),
        (kinds.FOLDER, "", None),
        (kinds.FILE, "a\0b", None),
    ],
)
def test_other_kinds(kind: Kind[object], text: str, value: object) -> None:
    assert kind.parse(text) == value


def test_words_are_spelled_by_the_first_that_means_the_value() -> None:
    kind = words({"on": True, "yes": True, "off": False})
    assert [kind.text(True), kind.text(False), kind.expected] == ["on", "off", "on or yes or off"]


@given(st.sampled_from([kinds.SIZE, kinds.DURATION]), st.integers(1, 10**12))
def test_a_quantity_survives_being_spelled(kind: Kind[float], number: int) -> None:
    value = kind.parse(f"{number}ms") or kind.parse(str(number))
    assert value is None or kind.parse(kind.text(value)) == value


@given(st.text())
def test_no_kind_raises(text: str) -> None:
    for setting in SETTINGS:
        value = setting.kind.parse(text)
        assert value is None or setting.kind.parse(setting.kind.text(value)) == value
