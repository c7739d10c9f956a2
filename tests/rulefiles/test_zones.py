import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from forward_proxy.errors import SettingsError
from forward_proxy.rulefiles.zones import LocalZone, zone_named

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 5, 8, 30, tzinfo=UTC),
        datetime(2026, 7, 6, 8, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
    ],
)
def test_the_local_clock_is_the_machines_in_summer_and_winter(moment: datetime) -> None:
    at = moment.timestamp()
    local, expected = datetime.fromtimestamp(at, LocalZone()), datetime.fromtimestamp(at, BERLIN)
    assert local.replace(tzinfo=None) == expected.replace(tzinfo=None)


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("wall", [datetime(2026, 1, 5, 9, 30), datetime(2026, 7, 6, 9, 30)])
def test_a_time_on_the_local_clock_is_one_moment(wall: datetime) -> None:
    assert wall.replace(tzinfo=LocalZone()).timestamp() == wall.replace(tzinfo=BERLIN).timestamp()


def test_a_zone_has_an_iana_name() -> None:
    assert zone_named("Europe/Berlin") == BERLIN
    with pytest.raises(SettingsError, match=r"^zone: unknown time zone Mars; expected an IANA name"):
        zone_named("Mars")
