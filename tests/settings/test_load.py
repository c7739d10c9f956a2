import json
from ipaddress import ip_network
from pathlib import Path

import pytest

from forward_proxy.anonymity.level import Level
from forward_proxy.errors import SettingsError
from forward_proxy.settings import SETTINGS, Settings, Source, load_settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.settings.options import access_options
from forward_proxy.settings.places import Places

_MANY = ("listen", "listen_names", "allow_clients")
PLACES = Places((Path("/rules"),), Path("/state"))


def _load(file: Path | None = None, environ: dict[str, str] | None = None, **flags: tuple[str, ...]) -> Settings:
    return load_settings(file, environ or {}, flags, PLACES)


def _problems(file: Path | None = None, environ: dict[str, str] | None = None, **flags: tuple[str, ...]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _load(file, environ, **flags)
    return str(caught.value).splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (path := tmp_path / "proxy.yaml").write_text("anonymity: off\ncache: {size_limit: 2GiB}\nconnect_ports: [8443]\n")
    return path


def test_nothing_said_gives_the_defaults_and_the_places() -> None:
    assert _load() == Settings(rules=PLACES.rules, state=PLACES.state)


def test_every_value_has_a_source() -> None:
    assert _load().sources == {setting.key: Source("default") for setting in SETTINGS}


def test_flags_win_over_environment_over_file_over_default(file: Path) -> None:
    environ = {"FORWARD_PROXY_ANONYMITY": "standard"}
    rows = [
        (_load(), Level.STANDARD, "default"),
        (_load(file), Level.OFF, f"{file}:1:1"),
        (_load(file, environ), Level.STANDARD, "FORWARD_PROXY_ANONYMITY"),
        (_load(file, environ, anonymity=("strict",)), Level.STRICT, "--anonymity"),
    ]
    for settings, level, source in rows:
        assert (settings.anonymity, str(settings.sources["anonymity"])) == (level, source)


def test_a_section_keeps_the_defaults_of_what_it_does_not_name(file: Path) -> None:
    cache = _load(file).cache
    assert (cache.size_limit_bytes, cache.enabled) == (2 * 1024**3, True)


def test_a_list_is_replaced_and_443_stays(file: Path) -> None:
    assert _load(file).connect_ports == (443, 8443)
    assert _load(file, connect_ports=("563", "443")).connect_ports == (443, 563)


def test_paths_of_a_file_start_at_its_folder_and_others_where_the_program_runs(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_text("state: var\norigin_ca: /etc/ca.pem\nrules: [a, ../b]\n")
    settings = _load(file)
    assert (settings.state, settings.origin_ca) == (tmp_path / "var", Path("/etc/ca.pem"))
    assert settings.rules == (tmp_path / "a", tmp_path / "../b")
    assert _load(file, state=("var",)).state == Path("var")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert _load(state=("~/proxy",)).state == Path("/home/ann/proxy")
    assert _load(state=("~nobody-of-this-name/x",)).state == Path("~nobody-of-this-name/x")


def test_all_problems_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_text("anonimity: off\ncache:\n  reserve: lots\nrules: [a, '']\n")
    environ = {"FORWARD_PROXY_INSPECT": "maybe", "FORWARD_PROXY_LEVEL": "1"}
    assert _problems(file, environ, listen=("8080",)) == [
        f"{file}:1:1: anonimity: no such setting; did you mean anonymity?",
        "FORWARD_PROXY_LEVEL: no such setting",
        f"{file}:3:12: cache.reserve: expected a size such as 512MiB or 1GB, or a number of bytes; found 'lots'",
        f"{file}:4:12: rules: expected the path of a folder; found ''",
        "FORWARD_PROXY_INSPECT: expected on or off; found 'maybe'",
        "--listen: expected HOST:PORT or https://HOST:PORT, an IPv6 address in brackets; found '8080'",
    ]


def test_a_value_that_is_overridden_is_checked_all_the_same(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_text("anonymity: paranoid\n")
    (problem,) = _problems(file, anonymity=("strict",))
    assert problem == f"{file}:1:12: anonymity: expected off, standard or strict; found 'paranoid'"


def test_a_long_or_unprintable_text_is_echoed_short_and_escaped() -> None:
    (problem,) = _problems(anonymity=("\x1b[31m" + "x" * 5000,))
    assert "\x1b" not in problem
    assert len(problem) < 200


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:0", "192.168.0.1:80", "proxy.lan:8080"])
def test_it_refuses_to_be_an_open_proxy(listen: str) -> None:
    (problem,) = _problems(listen=("127.0.0.1:80", listen))
    assert problem.startswith("--listen: refuses to be an open proxy: other machines can reach ")
    settings = _load(listen=(listen,), allow_clients=("192.168.0.0/16",))
    assert settings.allow_clients == (ip_network("192.168.0.0/16"),)


USERS = {"users": ("users",), "passwords_in_cleartext": ("yes-i-mean-it",)}


def test_other_machines_may_come_when_everyone_says_who_they_are() -> None:
    beyond = ("127.0.0.1:80", "0.0.0.0:81")
    (problem,) = _problems(listen=beyond, **USERS)
    assert "other machines can reach 0.0.0.0:81, so allow_clients must" in problem
    settings = _load(listen=beyond, authenticate=("always",), **USERS, purge_clients=("10.0.0.0/8",))
    assert [str(network) for network in access_options(settings).allow_clients] == ["0.0.0.0/0", "::/0"]
    limited = _load(listen=beyond, authenticate=("always",), **USERS, allow_clients=("10.0.0.0/8",))
    assert access_options(limited).allow_clients == (ip_network("10.0.0.0/8"),)
    assert settings.cache_is_shared
    assert [caution.partition(" ")[0] for caution in settings.cautions] == ["passwords_in_cleartext"]


def test_passwords_cross_a_network_in_the_clear_only_when_meant() -> None:
    (problem,) = _problems(listen=("0.0.0.0:81",), users=("users",), allow_clients=("10.0.0.0/8",))
    assert problem == (
        "--listen: other machines can reach 0.0.0.0:81, and their passwords would cross the network in the clear; "
        "https://0.0.0.0:81 has them come by TLS, or passwords_in_cleartext: yes-i-mean-it lets them"
    )
    by_tls = _load(listen=("127.0.0.1:80", "https://0.0.0.0:81"), users=("users",), allow_clients=("10.0.0.0/8",))
    assert by_tls.cautions == ()
    both = ("0.0.0.0:80", "https://0.0.0.0:81")
    (problem,) = _problems(listen=both, users=("users",), allow_clients=("10.0.0.0/8",))
    assert "can reach 0.0.0.0:80, " in problem
    assert len(_problems(passwords_in_cleartext=("on",))) == 1
    assert _load(users=("users",)).cautions == ()


TLS = {"listen": ("https://0.0.0.0:81",), "allow_clients": ("10.0.0.0/8",)}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"listen_names": ("proxy.lan",)}, "no address of listen begins with https://"),
        ({**TLS, "listen_certificate": ("a.pem",)}, "needs listen_key, the other half of it"),
        ({**TLS, "listen_key": ("a.key",)}, "needs listen_certificate, the other half of it"),
        (
            {**TLS, "listen_certificate": ("a.pem",), "listen_key": ("a.key",), "listen_names": ("proxy.lan",)},
            "listen_certificate says itself what it is for",
        ),
        ({**TLS, "listen_names": ("proxy lan",)}, "expected a host name or an address, without a port"),
        ({**TLS, "listen_names": ("proxy.lan:80",)}, "expected a host name or an address, without a port"),
    ],
)
def test_tls_with_the_proxy_itself_is_told_whole(
    tmp_path: Path, given: dict[str, tuple[str, ...]], problem: str
) -> None:
    listed = {key: list(texts) for key, texts in given.items()}
    (file := tmp_path / "proxy.yaml").write_text(json.dumps({k: v if k in _MANY else v[0] for k, v in listed.items()}))
    (found,) = _problems(file)
    assert problem in found
    assert found.startswith(f"{file}:1:")


def test_a_certificate_of_our_own_needs_our_authority() -> None:
    settings = _load(**TLS, inspect=("off",))
    assert (settings.shows_own_leaf, settings.needs_authority) == (True, True)
    assert not _load(inspect=("off",)).needs_authority


def test_always_needs_users() -> None:
    assert _problems(authenticate=("always",)) == [
        "--authenticate: always needs users, the file that says who they are"
    ]


def test_users_are_several_people_to_the_cache() -> None:
    assert _load(users=("users",)).cache_is_shared
    assert not _load().cache_is_shared


def test_whoever_may_purge_may_connect(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text(
        "allow_clients: [10.1.0.0/16]\npurge_clients: [10.0.0.0/8, 127.0.0.1, 192.0.2.1, '2001:db8::/32']\n"
    )
    assert _problems(file) == [
        f"{file}:2:1: purge_clients: {network} is not among allow_clients, so nobody there can connect"
        for network in ("192.0.2.1/32", "2001:db8::/32")
    ]
    assert _load(purge_clients=("127.0.0.0/8",)).purge_clients == (ip_network("127.0.0.0/8"),)


def test_clients_that_could_not_be_read_are_one_problem_not_two() -> None:
    (problem,) = _problems(listen=("0.0.0.0:80",), allow_clients=("office",))
    assert problem.startswith("--allow-clients: expected an address or a network")


def test_a_list_of_no_listeners_is_refused(tmp_path: Path) -> None:
    (file := tmp_path / "proxy.yaml").write_text("listen: []\nrules: []\n")
    assert _problems(file) == [f"{file}:1:1: listen: expected at least one HOST:PORT"]
    assert _load(file, listen=("localhost:0",)).listen == (Endpoint("localhost", 0),)


def test_secrets_are_logged_only_when_meant() -> None:
    for word in ("on", "yes", "true", "1", "YES_I_MEAN_IT"):
        (problem,) = _problems(environ={"FORWARD_PROXY_LOG_WITH_SECRETS": word})
        assert "expected off, or yes-i-mean-it" in problem
    settings = load_settings(None, {}, {"log.with_secrets": ("yes-i-mean-it",)}, PLACES)
    assert settings.log.with_secrets
    assert settings.cautions == (
        "log.with_secrets (--log-with-secrets): passwords and tokens in addresses are logged in the clear",
    )


def test_what_opens_the_proxy_is_cautioned_with_its_source() -> None:
    environ = {"FORWARD_PROXY_ALLOW_CLIENTS": "10.0.0.0/8,::/0", "FORWARD_PROXY_ALLOW_PRIVATE_TARGETS": "on"}
    assert [caution.partition(":")[0] for caution in _load(environ=environ).cautions] == [
        "allow_private_targets (FORWARD_PROXY_ALLOW_PRIVATE_TARGETS)",
        "allow_clients (FORWARD_PROXY_ALLOW_CLIENTS)",
    ]
    assert _load().cautions == ()
    (caution,) = _load(offline=("on",)).cautions
    assert caution == "offline (--offline): no origin is asked, and what is not stored is answered 504"


@pytest.mark.parametrize(
    ("listen", "allow_clients", "auto"),
    [
        (("127.0.0.1:80",), (), False),
        (("127.0.0.1:80", "[::1]:80"), (), False),
        (("127.0.0.1:80",), ("192.168.0.0/16",), True),
        (("127.0.0.1:80", "0.0.0.0:80"), ("192.168.0.0/16",), True),
    ],
)
def test_the_cache_is_one_persons_while_nobody_else_can_connect(
    listen: tuple[str, ...], allow_clients: tuple[str, ...], auto: bool
) -> None:
    for word, shared in (("auto", auto), ("private", False), ("shared", True)):
        settings = _load(listen=listen, allow_clients=allow_clients, **{"cache.profile": (word,)})
        assert settings.cache_is_shared is shared
        cautioned = any(caution.startswith("cache.profile (--cache-profile)") for caution in settings.cautions)
        assert cautioned is (word == "private" and auto)
