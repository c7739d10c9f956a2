"""`forward-proxy exec`, `env` and `browser`: a program, a shell or a browser through the proxy, with its CA trusted.

Exit codes of `exec` and `browser`: those of the program, as a shell would have them; 2 the command line, a setting or
a rule was not understood; 125 the proxy could not start or go on; 126 the program cannot be run; 127 there is none.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from forward_proxy.cli.common import takes_settings
from forward_proxy.cli.failures import Failure, Misuse
from forward_proxy.errors import StartError
from forward_proxy.launching.browsing import BROWSERS, program_of, thrown_away
from forward_proxy.launching.companion import Companion
from forward_proxy.launching.program import NotRun, run, stopped_by_signals
from forward_proxy.launching.running import address_of, is_ours, url_of
from forward_proxy.launching.session import environment, free_port, own_settings, through_own_proxy
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.authorities import chain_of
from forward_proxy.settings.options import ca_folder, shelf_of
from forward_proxy.traffic.redaction import visible

EXIT_NO_PROXY = 125
OWN_FLAGS = ("state", "connect_ports", "origin_ca", "resolve", "anonymity", "inspect")

words_argument = click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
confine_option = click.option(
    "--confine", is_flag=True, help="Give the program a network from which only the proxy leads out (Linux)."
)


class Unproxied(Failure):
    exit_code = EXIT_NO_PROXY


def attempted[T](start: Callable[[], T]) -> T:
    """What it returns; ends the command as a shell would when there is no such program, with 125 without a proxy."""
    try:
        return start()
    except (StartError, OSError) as fault:
        raise Unproxied(f"forward-proxy: {fault}") from fault
    except NotRun as fault:
        click.echo(f"forward-proxy: {visible(str(fault))}", err=True)
        sys.exit(fault.status)


def _running(settings: Settings) -> tuple[str, int] | None:
    """Where a proxy of ours runs, not by TLS: most programs know no such proxies."""
    cleartext = (each for each in settings.listen if not each.tls)
    return next((each for each in map(address_of, cleartext) if is_ours(each)), None)


@click.command(name="exec", context_settings={"allow_interspersed_args": False})
@confine_option
@words_argument
@takes_settings("listen", "rules", *OWN_FLAGS)
def exec_program(settings: Settings, confine: bool, words: Sequence[str]) -> None:
    """Run one program through the proxy, with its CA trusted.

    Through the one that listens where the settings say, if there is one, else through one for this program alone.
    """
    address = _running(settings)
    if address is None or confine:
        rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
        default = settings.default_verdict
        ended = attempted(lambda: through_own_proxy(words, settings, rules, default, confined=confine))
        sys.exit(ended.status)
    with stopped_by_signals(), TemporaryDirectory(prefix="forward-proxy-") as folder:
        told = environment(url_of(address), settings, Path(folder), os.environ)
        status = attempted(lambda: run(words, os.environ | told, lambda: False))
    sys.exit(status)


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("browser", type=click.Choice(tuple(BROWSERS)), default="chromium")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- URL|FLAG...]")
@click.option("--program", metavar="PATH", help="The browser to start, where it is not found by its usual names.")
@takes_settings("listen", "rules", *OWN_FLAGS)
def browser(settings: Settings, browser: str, words: Sequence[str], program: str | None) -> None:
    """Start a browser that uses the proxy and trusts its CA.

    Its profile is thrown away when it ends.  Through the proxy that listens where the settings say, if there is one,
    else through one for this browser alone.
    """
    address = _running(settings)
    rules = None
    if address is None:
        rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))

    def start() -> int:
        with ExitStack() as stack:
            stack.enter_context(stopped_by_signals())
            folder = stack.enter_context(thrown_away())
            used, proxy, lost = settings, address, _never
            if rules is not None:
                used = own_settings(settings, folder, settings.default_verdict)
                companion = stack.enter_context(Companion(used, rules, folder, stack.enter_context(free_port())))
                proxy, lost = companion.address, companion.lost
            ca = chain_of(used)[-1] if used.inspect else None
            assert proxy is not None  # noqa: S101
            command = BROWSERS[browser][0](program or program_of(browser), folder, proxy, ca, os.environ)
            return run((*command.words, *words), os.environ | command.environment, lost)

    sys.exit(attempted(start))


def _never() -> bool:
    return False


def _fish(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"$env:{name} = '{quoted}'"


FORMATS: Mapping[str, Callable[[str, str], str]] = {
    "sh": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": _fish,
    "powershell": _powershell,
    "dotenv": lambda name, value: f"{name}={json.dumps(value, ensure_ascii=False)}",
}


@click.command()
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), default="sh", show_default=True,
              help="For which shell, or a file of variables.")  # fmt: skip
@takes_settings("listen", "state", "origin_ca", "inspect")
def env(settings: Settings, form: str) -> None:
    """Print what leads a shell's programs through the proxy.

    And has them trust its CA, which the first `run` makes: eval "$(forward-proxy env)".
    """
    endpoint = min(settings.listen, key=lambda each: each.tls)
    if endpoint.port == 0:
        raise Misuse("listen: the port is not known before the proxy runs; name one")
    ca = settings.ca_certificate
    if settings.inspect and not ca.exists():
        raise Failure(f"{ca}: there is no certificate yet; the first `forward-proxy run` makes it")
    try:
        url = url_of(address_of(endpoint), tls=endpoint.tls)
        told = environment(url, settings, ca_folder(settings), os.environ)
    except OSError as fault:
        raise Failure(f"{ca_folder(settings)}: the bundle cannot be written: {fault.strerror}") from fault
    for name, value in told.items():
        click.echo(FORMATS[form](name, value))
