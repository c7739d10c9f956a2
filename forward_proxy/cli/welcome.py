"""What does a newcomer need to know of the proxy that has just started?  One screen of 80 by 24 says it.

What is to be copied stands on a line of its own and is never broken by us: a terminal that is too narrow wraps it
without adding anything to what is copied.
"""

import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from rich.text import Text

from forward_proxy import __version__
from forward_proxy.policy.pages import SETUP_HOST
from forward_proxy.settings import Settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.traffic.redaction import visible

_INDENT = 13
_NARROWEST = 20
_WIDEST = 80

type Row = tuple[str, Sequence[str]]


def welcome(settings: Settings, addresses: Sequence[Endpoint], program: str, width: int) -> Text:
    """The screen for a terminal `width` cells wide; the addresses are bound, `program` is what to type for it."""
    told = Text().append(f"forward-proxy {__version__}\n\n", "bold")
    rows = *_reaching(addresses), *_trusting(settings, program), _asking(settings, program), ("Stop", ["Ctrl-C"])
    for name, lines in rows:
        told.append_text(_row(name, lines, "" if name.startswith(" ") else "bold"))
    for caution in settings.cautions:
        told.append_text(_row("Caution", textwrap.wrap(visible(caution), max(width - _INDENT, _NARROWEST)), "yellow"))
    return told


def _row(name: str, lines: Sequence[str], style: str) -> Text:
    row = Text()
    for number, line in enumerate(lines):
        row.append(f"{'' if number else name:{_INDENT}}", style).append(f"{line}\n")
    return row


def _reaching(addresses: Sequence[Endpoint]) -> Iterator[Row]:
    # Most programs know no proxy that is reached by TLS.
    reached = sorted(map(_reached, addresses), key=lambda each: each.tls)
    first = reached[0]
    if first.tls:
        yield "Browser", [f"by PAC file: HTTPS {str(first).removeprefix('https://')}"]
    else:
        yield "Browser", [f"HTTP and HTTPS proxy: address {first.host}, port {first.port}"]
    if others := ", ".join(str(each) for each in dict.fromkeys(reached[1:])):
        yield "  or by", textwrap.wrap(others, _WIDEST - _INDENT)
    yield "Setup", [f"http://{SETUP_HOST}/, or before that {first.url}/"]
    yield "Programs", [f"export http_proxy={first.url}", f"export https_proxy={first.url}"]


def _reached(bound: Endpoint) -> Endpoint:
    """Where this machine reaches it."""
    address = ip_address(bound.host)
    if not address.is_unspecified:
        return bound
    return replace(bound, host="127.0.0.1" if address.version == 4 else "::1")


def _trusting(settings: Settings, program: str) -> Iterator[Row]:
    if not settings.needs_authority:
        yield "Certificate", ["none is needed: no TLS is opened (inspect: off)"]
        return
    file = quoted(settings.ca_certificate)
    yield "Certificate", [f"{file}, to be trusted by clients:"]
    yield "  Browsers", [f"{program} trust{_said_again(settings, 'state', (settings.state,))}"]
    yield from _system_store(file)
    yield "  curl", [f"curl --cacert {file} URL"]


def _system_store(file: str) -> Iterator[Row]:
    """What `trust` does not do."""
    if sys.platform == "darwin":
        yield "  System", [f"security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {file}"]
    if os.name == "nt":
        yield "  System", [f"certutil -user -addstore Root {file}"]


def _asking(settings: Settings, program: str) -> Row:
    """Commands that find what this proxy was told on its own command line."""
    state = _said_again(settings, "state", (settings.state,))
    rules = _said_again(settings, "rules", settings.rules)
    return "Ask it", [f"{program} log tail{state}", f"{program} explain URL{state}{rules}"]


def _said_again(settings: Settings, key: str, folders: Sequence[Path]) -> str:
    source = settings.sources.get(key)
    if source is None or source.kind in ("default", "environment"):
        return ""
    return "".join(f" --{key} {quoted(folder)}" for folder in folders)


def program() -> str:
    """What to type for this program: as it was started itself."""
    started = Path(sys.argv[0])
    if started.stem == "__main__":
        return f"{quoted(Path(sys.executable))} -m forward_proxy"
    if (found := shutil.which(started.name)) and Path(found) == started.absolute():
        return started.name
    path = quoted(started)
    return path if "/" in path else f"./{path}"


def quoted(path: Path) -> str:
    """For a command line, from the current folder or the home folder where it is below one."""
    absolute = path.absolute()
    for folder, prefix in ((Path.cwd(), ""), (Path("~").expanduser(), "~/")):
        if absolute != folder and absolute.is_relative_to(folder):
            return prefix + shlex.quote(str(absolute.relative_to(folder)))
    return shlex.quote(str(absolute))
