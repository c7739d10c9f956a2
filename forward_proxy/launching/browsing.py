"""A browser with a profile that is thrown away: it uses the proxy for everything, and trusts its CA.

Chromium trusts what the NSS database in the home folder says, so it gets a home folder of its own; Firefox has a
database in each profile.  Nothing of the user's own browsers is read or changed.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509

from forward_proxy.errors import StartError
from forward_proxy.launching.program import NotRun
from forward_proxy.trusting.changing import name_for
from forward_proxy.trusting.stores import Nss, TrustError

_NOT_FOUND = 127
# What still runs of a browser that has ended writes for a moment.
_GONE_WITHIN_S, _PAUSE_S = 3.0, 0.05
_CHROMIUM_FLAGS = ("--no-first-run", "--no-default-browser-check", "--disable-breakpad")
_FIREFOX_PREFERENCES: Mapping[str, object] = {
    "network.proxy.type": 1,
    "network.proxy.no_proxies_on": "",
    "network.proxy.allow_hijacking_localhost": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and the variables to set for it."""

    words: tuple[str, ...]
    environment: Mapping[str, str]


def chromium(
    program: str, folder: Path, proxy: tuple[str, int], ca: x509.Certificate | None, environ: Mapping[str, str]
) -> Command:
    """Raises StartError when the CA cannot be put into its profile."""
    if ca is not None:
        _trusted(Nss("its database", folder / ".pki" / "nssdb"), ca)
    told = {"HOME": str(folder)}
    authority = Path(environ.get("HOME", "/")) / ".Xauthority"
    if "XAUTHORITY" not in environ and authority.exists():
        told["XAUTHORITY"] = str(authority)
    host, port = proxy
    where = f"--proxy-server=http://{f'[{host}]' if ':' in host else host}:{port}"
    # It would go past the proxy for this machine's own addresses.
    words = (program, f"--user-data-dir={folder / 'profile'}", where, "--proxy-bypass-list=<-loopback>")
    return Command((*words, *_CHROMIUM_FLAGS), told)


def firefox(
    program: str, folder: Path, proxy: tuple[str, int], ca: x509.Certificate | None, environ: Mapping[str, str]
) -> Command:
    """Raises StartError when the CA cannot be put into its profile."""
    profile = folder / "profile"
    profile.mkdir(mode=0o700)
    host, port = proxy
    preferences = dict(_FIREFOX_PREFERENCES)
    for scheme in ("http", "ssl"):
        preferences |= {f"network.proxy.{scheme}": host, f"network.proxy.{scheme}_port": port}
    lines = (f'user_pref("{name}", {_literal(value)});\n' for name, value in preferences.items())
    (profile / "user.js").write_text("".join(lines), encoding="ascii")
    if ca is not None:
        _trusted(Nss("its database", profile), ca)
    return Command((program, "--no-remote", "--profile", str(profile)), {})


type Maker = Callable[[str, Path, tuple[str, int], x509.Certificate | None, Mapping[str, str]], Command]
BROWSERS: Mapping[str, tuple[Maker, Sequence[str]]] = {
    "chromium": (
        chromium,
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "brave-browser"),
    ),
    "firefox": (firefox, ("firefox", "firefox-esr")),
}


def program_of(browser: str) -> str:
    """The first of its programs that there is.  Raises NotRun."""
    programs = BROWSERS[browser][1]
    for each in programs:
        if found := shutil.which(each):
            return found
    raise NotRun(_NOT_FOUND, f"{browser}: not found; looked for {', '.join(programs)}; name another by --program")


@contextmanager
def thrown_away() -> Iterator[Path]:
    """A folder that is gone afterwards, whoever still writes into it."""
    folder = Path(mkdtemp(prefix="forward-proxy-browser-"))
    try:
        yield folder
    finally:
        deadline = time.monotonic() + _GONE_WITHIN_S
        while folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                time.sleep(_PAUSE_S)


def _trusted(store: Nss, ca: x509.Certificate) -> None:
    if store.lacks:
        raise StartError(f"the CA cannot be put into the profile: {store.lacks}")
    try:
        store.add(ca, name_for(ca))
    except (TrustError, OSError) as fault:
        raise StartError(f"the CA cannot be put into the profile: {fault}") from fault


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'
