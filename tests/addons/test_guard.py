"""Whatever fails inside, nothing that was not judged goes on."""

from pathlib import Path
from typing import Any

import pytest

from forward_proxy.policy import Policy
from tests.addons.engine import Origin, Running, running_engine, running_origin
from tests.policy.building import policy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret"


class Faulty(Policy):
    """A policy in which one question cannot be answered."""

    def __init__(self, sound: Policy, question: str) -> None:
        super().__init__(sound.state)
        self._question = question

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "__dict__").get("_question"):
            raise RuntimeError(f"{name} was broken by a test")
        return object.__getattribute__(self, name)


def asked(running: Running, origin: Origin, method: bytes = b"GET", content: bytes = b"") -> bytes:
    return running.exchange(
        b"%s http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        % (method, origin.port, origin.port, len(content), content)
    )


@pytest.mark.parametrize(
    ("question", "content"),
    [("on_request", b""), ("on_request", b"x" * 100_000), ("on_stored", b""), ("level_for", b"")],
    ids=["request", "with-content", "stored", "level"],
)
def test_a_request_that_cannot_be_judged_never_reaches_the_origin(
    tmp_path: Path, question: str, content: bytes
) -> None:
    with running_origin(ANSWER) as origin, running_engine(Faulty(policy(tmp_path), question), tmp_path) as running:
        answer = asked(running, origin, b"POST" if content else b"GET", content)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"proxy_internal_error" in answer
    assert origin.received == []
    assert [record.error for record in running.records] == ["proxy_internal_error"]


def test_a_response_that_cannot_be_judged_never_reaches_the_client(tmp_path: Path) -> None:
    faulty = Faulty(policy(tmp_path), "on_response")
    with running_origin(ANSWER) as origin, running_engine(faulty, tmp_path) as running:
        answer = asked(running, origin)
    assert b"secret" not in answer
    assert len(origin.received) == 1
    assert [record.error for record in running.records] == ["proxy_internal_error"]


def test_a_tunnel_that_cannot_be_judged_is_none(tmp_path: Path) -> None:
    with (
        running_origin(ANSWER) as origin,
        running_engine(Faulty(policy(tmp_path), "on_connect"), tmp_path) as running,
    ):
        answer = running.exchange(
            b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % origin.port
        )
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert origin.received == []
    assert [(record.method, record.error) for record in running.records] == [("CONNECT", "proxy_internal_error")]


def test_a_sound_policy_lets_the_same_request_through(tmp_path: Path) -> None:
    """So that the tests above fail for the fault's sake."""
    with running_origin(ANSWER) as origin, running_engine(policy(tmp_path), tmp_path) as running:
        answer = asked(running, origin)
    assert answer.endswith(b"\r\n\r\nsecret")
    assert len(origin.received) == 1
