"""One program through a proxy of its own: its network, its proxy, its environment, its end, and what it asked for."""

import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import certifi

from forward_proxy.access.options import Action
from forward_proxy.launching.companion import Companion
from forward_proxy.launching.environment import REPLACED, bundle_of, variables
from forward_proxy.launching.namespace import Namespace
from forward_proxy.launching.program import run, stopped_by_signals
from forward_proxy.learning.seen import Seen, seen_in
from forward_proxy.rulefiles.rules import Rules
from forward_proxy.settings import Settings

_PREFIX = "forward-proxy-"


@dataclass(frozen=True, slots=True)
class Ended:
    """The program's exit status, and what it asked for."""

    status: int
    seen: Seen


def through_own_proxy(
    words: Sequence[str], settings: Settings, rules: Rules, default: Action, *, confined: bool = False
) -> Ended:
    """Runs the program to its end.

    Raises NotRun when there is no such program, StartError when there is no proxy for it or that has not lasted.
    """
    with ExitStack() as stack:
        stack.enter_context(stopped_by_signals())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix=_PREFIX)))
        own = own_settings(settings, folder, default)
        network = stack.enter_context(closing(Namespace())) if confined else None
        bound = network.listener if network else stack.enter_context(free_port())
        proxy = stack.enter_context(Companion(own, rules, folder, bound))
        told = environment(proxy.url, own, folder, os.environ)
        status = run(words, os.environ | told, proxy.lost, network.enter if network else lambda: None)
        proxy.finish()
        return Ended(status, seen_in(proxy.records()))


def environment(proxy: str, settings: Settings, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What to set for a proxy with these settings; the bundle is written into the folder.  Raises OSError."""
    if not settings.inspect:
        return variables(proxy, None, None)
    ca = settings.ca_certificate
    named = [Path(environ[name]) for name in REPLACED if environ.get(name)]
    usual = ssl.get_default_verify_paths().cafile or certifi.where()
    files = (Path(usual), *named, *filter(None, (settings.origin_ca,)), ca)
    bundle = folder / "bundle.pem"
    bundle.write_text(bundle_of(map(_text, files)), encoding="ascii")
    return variables(proxy, ca, bundle)


def own_settings(settings: Settings, folder: Path, default: Action) -> Settings:
    """Those of a proxy that serves nobody else, asks nobody for a password, and lets nobody change what it allows.

    Its state is gone with it unless a folder for it was given with the command.
    """
    given = settings.sources.get("state")
    keeps = given is not None and given.kind == "flag"
    return replace(
        settings,
        default_verdict=default,
        state=settings.state if keeps else folder / "state",
        workers=1,
        allow_clients=(),
        users=None,
        purge_clients=(),
        unblock_from_page=(),
        ask_from_page=(),
        pass_through_s=0,
        cache=settings.cache if keeps else replace(settings.cache, enabled=False),
    )


def free_port() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def _text(file: Path) -> str:
    """A bundle that cannot be read trusts nobody, as it would have without us."""
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace")
    return ""
