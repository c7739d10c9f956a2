import logging
import sys
from collections.abc import Iterator

import pytest

from forward_proxy.cli.trouble import TroubleHandler


class Told:
    """A logger whose trouble is written here, at a time that the test sets."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.handler = TroubleHandler(self.lines.append, lambda: self.now)
        self.logger = logging.Logger("forward_proxy.part")
        self.logger.addHandler(self.handler)

    def warn(self, text: str, times: int = 1, after_s: float = 0) -> None:
        self.now += after_s
        for _ in range(times):
            self.logger.warning("%s", text)


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.handler.close()


def test_a_warning_is_one_line_that_a_terminal_does_not_act_on(told: Told) -> None:
    told.warn("a\nb \x1b[31m" + "x" * 1000)
    (line,) = told.lines
    assert line.startswith(r"warning: a b \x1b[31mxxx")
    assert len(line) < 600


def test_only_an_error_shows_where_it_came_from(told: Told) -> None:
    try:
        raise OSError("broken")
    except OSError:
        told.logger.warning("part one", exc_info=True)
        told.logger.exception("part two")
    assert told.lines[0] == "warning: part one"
    assert told.lines[1].startswith("error: part two OSError('broken')\n  Traceback (most recent call last):")
    assert told.lines[1].endswith("\n  OSError: broken")


def test_an_exception_from_the_same_place_is_the_same_whatever_is_said_of_it(told: Told) -> None:
    for n in range(3):
        try:
            raise OSError(n)
        except OSError:
            told.logger.exception("callback %d", n)
    told.handler.close()
    assert [line.partition("\n")[0] for line in told.lines] == [
        "error: callback 0 OSError(0)",
        "error: callback 0 OSError(0) (2 more times)",
    ]


def test_what_is_below_a_warning_is_not_shown(told: Told) -> None:
    told.logger.info("nothing much")
    assert told.lines == []


def test_the_same_message_comes_once_a_second_with_a_count(told: Told) -> None:
    told.warn("full", times=10)
    told.warn("full", after_s=1)
    told.warn("full", after_s=1)
    assert told.lines == ["warning: full", "warning: full (9 more times)", "warning: full"]


def test_what_was_only_counted_is_said_in_the_end(told: Told) -> None:
    told.warn("full", times=2)
    for n in range(100):
        told.warn(f"other {n}")
    assert len(told.lines) == 20
    told.handler.close()
    assert told.lines[20:] == ["warning: full (1 more time)", "warning: 81 other messages were left out"]


def test_after_many_messages_others_come_through_a_second_later(told: Told) -> None:
    for n in range(100):
        told.warn(f"other {n}")
    told.warn("new", after_s=1)
    assert told.lines[20:] == ["warning: 80 other messages were left out", "warning: new"]


@pytest.mark.parametrize(
    ("name", "level", "text", "shown"),
    [
        ("mitmproxy.proxy.server", logging.WARNING, "Client TLS handshake failed.", False),
        ("mitmproxy.proxy.server", logging.ERROR, "mitmproxy has crashed!", True),
        ("asyncio", logging.WARNING, "socket.send() raised exception.", False),
        ("asyncio", logging.ERROR, "Task exception was never retrieved", True),
        ("elsewhere", logging.WARNING, "something", True),
    ],
)
def test_what_happens_to_single_connections_is_no_trouble(
    told: Told, name: str, level: int, text: str, shown: bool
) -> None:
    told.handler.handle(logging.LogRecord(name, level, __file__, 1, text, (), None))
    assert bool(told.lines) is shown


def test_that_nobody_reads_it_is_no_reason_to_stop() -> None:
    def gone(_: str) -> None:
        raise BrokenPipeError

    TroubleHandler(gone).handle(logging.LogRecord("x", logging.ERROR, __file__, 1, "text", (), sys.exc_info()))
