"""The first screen: it fits, what is to be copied can be copied, and it says what this proxy was told."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from forward_proxy.cli.welcome import program, quoted, welcome
from forward_proxy.settings import Settings, load_settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.settings.places import Places

LOOPBACK = Endpoint("127.0.0.1", 8080)


def _settings(**flags: str) -> Settings:
    places = Places((Path.cwd() / "rules",), Path.cwd() / "cache")
    return load_settings(None, {}, {key: (text,) for key, text in flags.items()}, places)


def _screen(settings: Settings, address: Endpoint = LOOPBACK, width: int = 80) -> list[str]:
    return welcome(settings, [address], "forward-proxy", width).plain.splitlines()


def _row(screen: list[str], name: str) -> str:
    return next(line for line in screen if line.strip().startswith(name))


def test_it_fits_80_by_24_with_every_caution_there_is() -> None:
    opened = {"log.with_secrets": "yes-i-mean-it", "cache.profile": "private", "offline": "on"}
    settings = _settings(allow_private_targets="on", allow_clients="0.0.0.0/0", **opened)
    assert len(settings.cautions) == 5
    screen = _screen(settings)
    assert len(screen) + len(["", "listening on 127.0.0.1:8080"]) <= 24
    assert max(map(cell_len, screen)) <= 80


def test_every_address_is_named(tmp_path: Path) -> None:
    addresses = [Endpoint("0.0.0.0", 8080), Endpoint("127.0.0.1", 8081), Endpoint("::1", 8082, tls=True)]
    screen = welcome(_settings(), addresses, "forward-proxy", 80).plain.splitlines()
    assert _row(screen, "Browser").endswith("address 127.0.0.1, port 8080")
    assert _row(screen, "or by").split(maxsplit=2)[2] == "127.0.0.1:8081, https://[::1]:8082"


@pytest.mark.parametrize("width", [1, 40, 80, 200])
def test_a_command_is_never_broken_whatever_its_length_and_the_width(tmp_path: Path, width: int) -> None:
    state = tmp_path / ("long " * 30).strip()
    screen = _screen(_settings(state=str(state)), width=width)
    assert shlex.split(_row(screen, "curl"))[1:] == [
        "curl",
        "--cacert",
        str(state / "ca" / "forward-proxy-ca.pem"),
        "URL",
    ]
    assert shlex.split(_row(screen, "Ask it"))[2:] == ["forward-proxy", "log", "tail", "--state", str(state)]


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        (LOOPBACK, "http://127.0.0.1:8080"),
        (Endpoint("::1", 80), "http://[::1]:80"),
        (Endpoint("0.0.0.0", 3128), "http://127.0.0.1:3128"),
        (Endpoint("::", 3128), "http://[::1]:3128"),
        (Endpoint("192.0.2.7", 3128), "http://192.0.2.7:3128"),
    ],
)
def test_the_address_to_use_is_one_that_can_be_connected_to(bound: Endpoint, url: str) -> None:
    assert f"http_proxy={url}" in _row(_screen(_settings(), bound), "Programs")


def test_it_names_the_setup_page_and_where_it_is_before_the_proxy_is_set() -> None:
    assert _row(_screen(_settings()), "Setup").split(maxsplit=1)[1] == (
        "http://forward.proxy/, or before that http://127.0.0.1:8080/"
    )


def test_no_certificate_is_spoken_of_when_no_tls_is_opened() -> None:
    screen = _screen(_settings(inspect="off"))
    assert "none is needed" in _row(screen, "Certificate")
    assert not any("--cacert" in line for line in screen)


def test_what_a_caution_quotes_cannot_act_on_the_terminal() -> None:
    settings = _settings(allow_private_targets="on")
    source = replace(settings.sources["allow_private_targets"], where="\x1b[2Jproxy.yaml:1:1")
    told = welcome(replace(settings, sources={"allow_private_targets": source}), [LOOPBACK], "forward-proxy", 80)
    assert "\x1b" not in told.plain
    assert "proxy.yaml:1:1" in told.plain


def test_paths_are_short_and_ready_for_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/joe")
    assert quoted(tmp_path / "cache" / "ca.pem") == "cache/ca.pem"
    assert quoted(Path("a folder/ca.pem")) == "'a folder/ca.pem'"
    assert quoted(Path("/home/joe/.local/my ca.pem")) == "~/'.local/my ca.pem'"
    assert quoted(Path("/srv/ca.pem")) == "/srv/ca.pem"


def test_the_program_is_named_as_it_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command := tmp_path / "forward-proxy").touch(0o755)
    monkeypatch.setattr("sys.argv", [str(command)])
    assert program() == str(command)
    monkeypatch.chdir(tmp_path)
    assert program() == "./forward-proxy"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == "forward-proxy"
    monkeypatch.setattr("sys.argv", ["/srv/forward_proxy/__main__.py"])
    assert program().endswith(" -m forward_proxy")
