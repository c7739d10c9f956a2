"""Leading clients to clean targets through a real engine, and letting through those that come back."""

import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.addons.redirecting import WITHIN_S, Led
from tests.policy.building import policy

from .engine import Origin, Running, running_engine, running_origin

HERE, OTHER = ip_address("192.0.2.7"), ip_address("192.0.2.8")
URL = "https://a.example/"
RULES = "tracking: [{ id: labels, action: remove, parameters: utm_*, match: {} }]"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def test_a_client_is_led_somewhere_once_a_minute() -> None:
    led = Led()
    assert not led.recently(HERE, URL, 1000)
    led.note(HERE, URL, 1000)
    assert [led.recently(HERE, URL, 1000 + passed) for passed in (0, WITHIN_S - 1, WITHIN_S)] == [True, True, False]
    assert not led.recently(OTHER, URL, 1000)
    assert not led.recently(HERE, URL + "a", 1000)


def test_clocks_wrap_around() -> None:
    led = Led()
    led.note(HERE, URL, (1 << 24) - 5)
    assert led.recently(HERE, URL, (1 << 24) + 5)
    assert not led.recently(HERE, URL, (1 << 24) + 2 * WITHIN_S)


def test_what_another_process_did_is_known() -> None:
    led = Led()
    child = os.fork()
    if child == 0:
        led.note(HERE, URL, 1000)
        os._exit(0)
    os.waitpid(child, 0)
    assert led.recently(HERE, URL, 1001)


def asked(engine: Running, origin: Origin, path: str, *lines: str) -> bytes:
    host = f"127.0.0.1:{origin.port}"
    head = (f"GET http://{host}{path} HTTP/1.1", f"Host: {host}", *lines, "Connection: close", "", "")
    return engine.exchange("\r\n".join(head).encode())


@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_page_is_led_once_and_then_let_through(tmp_path: Path, fast_lane: bool) -> None:
    page = "Sec-Fetch-Dest: document"
    with running_origin(OK) as origin, running_engine(policy(tmp_path, RULES), tmp_path, fast_lane=fast_lane) as engine:
        answers = [asked(engine, origin, f"/p?utm_source={number}&a=%2F", page) for number in (1, 2)]
        answers.append(asked(engine, origin, "/p?utm_source=3&a=%2F"))
        assert engine.records.wait_for(3)
    clean = f"http://127.0.0.1:{origin.port}/p?a=%2F"
    head = answers[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[0] == "HTTP/1.1 307 Temporary Redirect"
    assert {f"Location: {clean}", "Cache-Control: no-store"} <= set(head)
    assert any(line.startswith('Proxy-Status: forward-proxy; details="utm_source removed by ') for line in head)
    assert answers[1].endswith(b"ok")
    assert [request.split()[1] for request in origin.received] == [b"/p?utm_source=2&a=%2F", b"/p?a=%2F"]
    first, back, part = engine.records
    assert (first.outcome, first.status, first.cleaned, first.origin) == ("redirect", 307, ("utm_source",), None)
    assert first.target == f"http://127.0.0.1:{origin.port}/p?utm_source=1&a=%2F"
    assert (back.cleaned, back.cleaned_by) == ((), "nobody: the client came back for it")
    assert (part.target, part.cleaned) == (clean, ("utm_source",))
    assert (part.cleaned_by or "").endswith("rules.yaml:1")
