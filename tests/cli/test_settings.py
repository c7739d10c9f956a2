import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from forward_proxy.cli import main
from forward_proxy.cli.common import RUN_FLAGS
from forward_proxy.cli.settings import settings as command
from forward_proxy.settings import SETTINGS, load_settings

ODD = """\
listen: ["127.0.0.1:0", "[::1]:0"]
rules: ["a, b", 'it''s "c"', "#d", "e: f", "ü𝄞", "- g", "h:"]
allow_clients: [10.0.0.0/8, "::/0"]
resolve: ["[2001:db8::1]:80:[::1]"]
origin_ca: ca.pem
idle_timeout: 90s
inspect: no
cache: {size_limit: 1.5GiB, reserve: 0, heuristic_fraction: 0.00001}
log: {with_secrets: yes-i-mean-it}
"""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.environment, raising=False)
    monkeypatch.delenv("FORWARD_PROXY_SETTINGS", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (path := tmp_path / "proxy.yaml").write_text(ODD)
    return path


def _printed(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["settings", *arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_what_is_printed_is_a_settings_file_that_leads_to_the_same_values(file: Path, tmp_path: Path) -> None:
    (again := tmp_path / "again.yaml").write_text(_printed("--settings", str(file)))
    assert load_settings(again, {}, {}) == load_settings(file, {}, {})


def test_the_defaults_are_such_a_file_too(tmp_path: Path) -> None:
    (again := tmp_path / "again.yaml").write_text(_printed())
    assert load_settings(again, {}, {}) == load_settings(None, {}, {})


def test_each_value_stands_with_its_source(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARD_PROXY_SETTINGS", str(file))
    monkeypatch.setenv("FORWARD_PROXY_LOG_KEEP_DAYS", "7")
    lines = [line.split() for line in _printed("--inspect", "on", "--connect-port", "8443").splitlines()]
    assert ["inspect:", "on", "#", "--inspect"] in lines
    assert ["connect_ports:", "[443,", "8443]", "#", "--connect-port"] in lines
    assert ["keep_days:", "7", "#", "FORWARD_PROXY_LOG_KEEP_DAYS"] in lines
    assert ["size_limit:", "1536MiB", "#", f"{file}:8:9"] in lines
    assert ["anonymity:", "standard", "#", "default"] in lines


def test_json_has_every_setting_with_plain_values_and_sources(file: Path) -> None:
    report = json.loads(_printed("--settings", str(file), "--json", "--state", "/s"))
    assert list(report) == [setting.key for setting in SETTINGS]
    assert report["listen"] == {"value": ["127.0.0.1:0", "[::1]:0"], "source": "file", "where": f"{file}:1:1"}
    assert report["cache.size_limit"]["value"] == 1024**3 * 3 // 2
    assert report["connect_ports"] == {"value": [443], "source": "default", "where": None}
    assert report["inspect"]["value"] is False
    assert report["state"] == {"value": "/s", "source": "flag", "where": "--state"}


def test_every_flag_reaches_its_setting() -> None:
    values = {
        "listen": "127.0.0.1:81",
        "rules": "/r",
        "state": "/s",
        "allow_clients": "10.0.0.0/8",
        "users": "/users",
        "authenticate": "always",
        "connect_ports": "81",
        "origin_ca": "/ca.pem",
        "resolve": "a.example:80:10.0.0.1",
        "workers": "2",
        "anonymity": "off",
        "inspect": "off",
        "fast_lane": "off",
        "offline": "on",
        "cache.profile": "shared",
        "ca.certificate": "/ca.crt",
        "ca.key": "/ca.key",
        "log.with_secrets": "off",
    }
    flags = {setting.key: setting.flag for setting in SETTINGS if setting.flag}
    arguments = [text for key, flag in flags.items() for text in (flag, values.get(key)) if text]
    report = json.loads(_printed("--json", *arguments))
    assert {key for key, each in report.items() if each["source"] == "flag"} == set(RUN_FLAGS)


def test_only_a_switch_that_can_only_be_switched_on_takes_no_value() -> None:
    plain = [option.name for option in command.params if isinstance(option, click.Option) and not option.metavar]
    assert plain == ["as_json", "allow_private_targets"]
