from pathlib import Path

from bench.replay import fill, replayed
from forward_proxy.rulefiles import compiled


def test_every_record_is_replayed(tmp_path: Path) -> None:
    fill(tmp_path, 3000)
    shut = compiled((("a.yaml", b"rules: [{ action: deny, match: { host: site7.example } }]"),))
    report, seconds = replayed(tmp_path, compiled(()), shut)
    assert (report.records, report.newly_denied, seconds > 0) == (3000, 3, True)
