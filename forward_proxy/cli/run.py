"""`forward-proxy run`: start the proxy, say what a newcomer needs, show what passes."""

import gc
import os
import select
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

import click
from rich.console import Console

from forward_proxy.app import App
from forward_proxy.cli.common import RUN_FLAGS, takes_settings
from forward_proxy.cli.failures import finish_output
from forward_proxy.cli.live import LiveView
from forward_proxy.cli.trouble import trouble_shown
from forward_proxy.cli.welcome import program, welcome
from forward_proxy.settings import Settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.redaction import visible
from forward_proxy.workers.shared import Shared

_PATIENCE_S = 1.0


@click.command()
@takes_settings(*RUN_FLAGS)
def run(settings: Settings) -> None:
    """Start the proxy; Ctrl-C stops it.

    Prints one line "listening on HOST:PORT" for each address once it is ready, then a line for each exchange.
    """
    os.umask(0o077)  # Whatever is written from here on is for this user alone, also where a library writes it.
    screen = Screen(settings, Console(highlight=False))
    try:
        with trouble_shown():
            App(settings, screen).run()
    finally:
        screen.end()
        if screen.console.is_terminal:
            screen.say("")  # The prompt does not follow on the ^C that the terminal has echoed.
        finish_output()
        # The process ends: looking once more through every object of it would take a quarter of a second.
        gc.freeze()


class Screen:
    """Greets, says what there is to say, and shows what passes."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.console = console
        self._settings = settings
        self._view = LiveView(console)
        self._turn: Callable[[], AbstractContextManager[object]] = nullcontext

    def ready(self, addresses: Sequence[Endpoint]) -> None:
        if self.console.is_terminal:
            told = welcome(self._settings, addresses, program(), self.console.width)
            self.console.print(told, soft_wrap=True)
        else:
            for caution in self._settings.cautions:
                self.say(f"caution: {caution}")
        for address in addresses:
            self.say(f"listening on {address}")

    def share(self, shared: Shared) -> None:
        """Several processes have this screen; told before there are any."""
        self._turn = shared.terminal
        self._view.share(shared.terminal, shared.first_to_head)

    def begin(self) -> None:
        """Show records from here on."""
        self._view.start()

    def show(self, record: Record) -> None:
        self._view.show(record)

    def end(self) -> None:
        self._view.stop()

    def say(self, text: str) -> None:
        """From any thread, without what a terminal would act on, since some of it comes from outside.

        That nobody listens any more is no reason to stop, nor to wait for long.
        """
        with suppress(OSError, ValueError, TypeError), self._turn():
            if select.select([], [sys.stdout], [], _PATIENCE_S)[1]:
                click.echo("\n".join(map(visible, text.split("\n"))))
