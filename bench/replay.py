"""`python -m bench.replay [COUNT]`: how fast is the log replayed against other rules?

A log of 200,000 exchanges, half of them for a URL of their own, is replayed with the shipped rules and a few more: once
with rules about hosts alone, once with one about URLs, so that hardly two exchanges are alike.  Figures only; nothing
is asserted.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from forward_proxy.history.comparison import Comparison, Report, compare
from forward_proxy.history.past import COLUMNS, read_row
from forward_proxy.rulefiles import Rules, compiled, load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import state_of
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.writer import Writer

_COUNT = 200_000
_BATCH = 2_000
_AT = 1_795_000_000.0
_HOSTS = "rules: [{ action: deny, match: { host: [site7.example, site8.example] } }]\n"
_URLS = "rules: [{ action: deny, match: { url: '[?&]n=[0-9]*7' } }]\n"
_SEEN = Record(
    started_at=_AT,
    client="127.0.0.1",
    method="GET",
    target="",
    host="",
    outcome="fwd=uri-miss",
    status=200,
    content_type="text/html",
    resource="script",
    reason="no rule matched; the default is allow",
)


def record(number: int) -> Record:
    """One of a thousand hosts and ten pages; every other exchange is for a URL that no other is for."""
    host = f"site{number % 1000}.example"
    query = f"?n={number}" if number % 2 else ""
    return replace(
        _SEEN,
        started_at=_AT + number,
        client=f"127.0.0.{number % 5 + 1}",
        host=host,
        target=f"https://{host}/page/{number % 97}{query}",
        page=f"page{number % 10}.example",
    )


def fill(folder: Path, count: int) -> None:
    writer = Writer(folder, Options())
    for first in range(0, count, _BATCH):
        writer.write([record(number) for number in range(first, min(count, first + _BATCH))], _AT + count)
    writer.close()


def replayed(folder: Path, before: Rules, after: Rules) -> tuple[Report, float]:
    """The report, and how many seconds of a processor it took."""
    settings = Settings(rules=(), state=folder)
    began = time.process_time()
    comparison = Comparison(state_of(settings, before), state_of(settings, after))
    rows = (read_row(row) for part in TrafficReader(folder).walk(COLUMNS) for row in part)
    report = compare(comparison, rows)
    return report, time.process_time() - began


def main(count: int = _COUNT) -> None:
    shipped = load([Path(__file__).parents[1] / "rules"])
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), count)
        for what, more in (("rules about hosts", _HOSTS), ("a rule about URLs too", _URLS)):
            after = compiled((*shipped.sources, ("tried.yaml", more.encode())))
            report, seconds = replayed(Path(folder), shipped, after)
            speed = f"{report.records / seconds:,.0f} records/s of one processor"
            print(f"{what}: {speed}, {report.newly_denied:,} newly denied")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
