"""`forward-proxy run`: start the proxy, say what a newcomer needs, show what passes."""

from collections.abc import Sequence

import click
from rich.console import Console

from forward_proxy.app import App
from forward_proxy.cli.common import RUN_FLAGS, takes_settings
from forward_proxy.cli.live import LiveView, spelled, welcome
from forward_proxy.settings import Settings


@click.command()
@takes_settings(*RUN_FLAGS)
def run(settings: Settings) -> None:
    """Start the proxy; Ctrl-C stops it.

    Prints one line "listening on HOST:PORT" for each address once it is ready, then a line for each exchange.
    """
    console = Console(highlight=False)
    view = LiveView(console)
    app = App(settings, view.show, lambda text: console.print(text, markup=False, soft_wrap=True))

    def ready(addresses: Sequence[tuple[str, int]]) -> None:
        if console.is_terminal:
            console.print(welcome(addresses, app.ca_file, settings.cautions))
        for address in addresses:
            console.print(f"listening on {spelled(address)}", markup=False, soft_wrap=True)
        console.file.flush()
        view.start()

    try:
        app.run(ready)
    finally:
        view.stop()
