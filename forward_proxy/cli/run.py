"""`forward-proxy run`: start the proxy, say what a newcomer needs, show what passes."""

import gc
import os
from collections.abc import Sequence
from contextlib import suppress

import click
from rich.console import Console

from forward_proxy.app import App
from forward_proxy.cli.common import RUN_FLAGS, takes_settings
from forward_proxy.cli.failures import finish_output
from forward_proxy.cli.live import LiveView
from forward_proxy.cli.trouble import trouble_shown
from forward_proxy.cli.welcome import program, spelled, welcome
from forward_proxy.settings import Settings


@click.command()
@takes_settings(*RUN_FLAGS)
def run(settings: Settings) -> None:
    """Start the proxy; Ctrl-C stops it.

    Prints one line "listening on HOST:PORT" for each address once it is ready, then a line for each exchange.
    """
    os.umask(0o077)  # Whatever is written from here on is for this user alone, also where a library writes it.
    console = Console(highlight=False)
    view = LiveView(console)

    def ready(addresses: Sequence[tuple[str, int]]) -> None:
        _greet(console, settings, addresses)
        view.start()

    try:
        with trouble_shown():
            App(settings, view.show, _say).run(ready)
    finally:
        view.stop()
        if console.is_terminal:
            _say("")  # The prompt does not follow on the ^C that the terminal has echoed.
        finish_output()
        # The process ends: looking once more through every object of it would take a quarter of a second.
        gc.freeze()


def _greet(console: Console, settings: Settings, addresses: Sequence[tuple[str, int]]) -> None:
    if console.is_terminal:
        console.print(welcome(settings, addresses, program(), console.width), soft_wrap=True)
    else:
        for caution in settings.cautions:
            _say(f"caution: {caution}")
    for address in addresses:
        _say(f"listening on {spelled(address)}")


def _say(text: str) -> None:
    """From any thread; that nobody listens any more is no reason to stop."""
    with suppress(OSError, ValueError):
        click.echo(text)
