import pytest

from forward_proxy.settings.given import from_environment, from_flags


@pytest.mark.parametrize(
    ("name", "text", "key", "members"),
    [
        ("FORWARD_PROXY_STATE", "/a,b", "state", ["/a,b"]),
        ("FORWARD_PROXY_CACHE_SIZE_LIMIT", "1GiB", "cache.size_limit", ["1GiB"]),
        ("FORWARD_PROXY_LISTEN", "127.0.0.1:80, [::1]:80", "listen", ["127.0.0.1:80", "[::1]:80"]),
        ("FORWARD_PROXY_CONNECT_PORTS", "8443,", "connect_ports", ["8443", ""]),
    ],
)
def test_a_variable_gives_one_text_or_a_list(name: str, text: str, key: str, members: list[str]) -> None:
    reading = from_environment({name: text, "PATH": "/bin"})
    (given,) = reading.given
    assert (given.setting.key, [member.text for member in given.members]) == (key, members)
    assert (str(given.source), reading.problems) == (name, [])


def test_an_empty_variable_counts_as_unset() -> None:
    assert from_environment({"FORWARD_PROXY_STATE": ""}).given == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("FORWARD_PROXY_LISTN", "FORWARD_PROXY_LISTN: no such setting; did you mean FORWARD_PROXY_LISTEN?"),
        ("FORWARD_PROXY_SETINGS", "FORWARD_PROXY_SETINGS: no such setting; did you mean FORWARD_PROXY_SETTINGS?"),
        ("FORWARD_PROXY_cache", "FORWARD_PROXY_cache: no such setting"),
        ("FORWARD_PROXY_", "FORWARD_PROXY_: no such setting"),
    ],
)
def test_a_variable_that_names_no_setting_is_a_problem_even_when_empty(name: str, problem: str) -> None:
    (found,) = from_environment({name: ""}).problems
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "name",
    [
        "FORWARD_PROXY_SETTINGS",
        "FORWARD_PROXY_SERVICE_HOST",
        "FORWARD_PROXY_SERVICE_PORT",
        "FORWARD_PROXY_SERVICE_PORT_HTTP",
        "FORWARD_PROXY_PORT",
        "FORWARD_PROXY_PORT_8080_TCP_ADDR",
    ],
)
def test_variables_of_container_platforms_are_left_alone(name: str) -> None:
    reading = from_environment({name: "tcp://10.0.0.1:8080"})
    assert (reading.given, reading.problems) == ([], [])


def test_a_flag_that_was_not_used_gives_nothing() -> None:
    reading = from_flags({"listen": (), "connect_ports": ("80", "81")})
    (given,) = reading.given
    assert (given.setting.key, str(given.source)) == ("connect_ports", "--connect-port")
    assert [member.text for member in given.members] == ["80", "81"]
