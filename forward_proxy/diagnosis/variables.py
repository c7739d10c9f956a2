"""Do the variables of this environment lead through the proxy, and do those that name CAs name any?

Values are not repeated beyond host and port: the address of a proxy may hold a password.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from forward_proxy.authority.model import bodies, body
from forward_proxy.diagnosis.findings import Finding, Level
from forward_proxy.launching.environment import ADDED, PROXIES, REPLACED

_ABOUT = "environment"
_FIX = 'eval "$(forward-proxy env)"'
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_LONGEST = 8 << 20


def variables(
    environ: Mapping[str, str], ours: tuple[tuple[str, int], ...], ca: x509.Certificate | None
) -> Iterator[Finding]:
    """`ours` are the addresses the proxy listens at; `ca` is None when nothing is signed."""
    leads = {name: _leads_to(environ[name]) for name in _both_cases(PROXIES) if environ.get(name)}
    yield from _about_proxies(leads, ours)
    through = any(address in ours for address in leads.values())
    for name in (*ADDED, *REPLACED):
        if environ.get(name):
            yield from _about_authorities(name, Path(environ[name]), ca if through else None)


def _both_cases(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(spelled for name in names for spelled in (name, name.upper()))


def _about_proxies(leads: Mapping[str, tuple[str, int] | None], ours: tuple[tuple[str, int], ...]) -> Iterator[Finding]:
    if not leads:
        yield Finding(
            Level.NOTE,
            _ABOUT,
            f"no proxy variable is set, so programs of this shell use no proxy; to lead them here: {_FIX}",
        )
    for name, address in leads.items():
        if address is None:
            yield Finding(Level.WARNING, _ABOUT, f"{name} is no URL of a proxy such as http://127.0.0.1:8080", _FIX)
        elif address in ours:
            yield Finding(Level.OK, _ABOUT, f"{name} leads to this proxy")
        else:
            yield Finding(Level.NOTE, _ABOUT, f"{name} leads to another proxy, {address[0]}:{address[1]}")
    for name in PROXIES:
        lower, upper = name in leads, name.upper() in leads
        if upper and not lower and name == "http_proxy":
            yield Finding(Level.WARNING, _ABOUT, f"{name} is not set: curl does not read {name.upper()}", _FIX)
        elif lower and upper and leads[name] != leads[name.upper()]:
            text = f"{name} and {name.upper()} lead to different proxies: which one counts depends on the program"
            yield Finding(Level.WARNING, _ABOUT, text, _FIX)


def _about_authorities(name: str, file: Path, ca: x509.Certificate | None) -> Iterator[Finding]:
    fix = f"unset {name}, or {_FIX}"
    if file.is_dir():
        yield Finding(Level.NOTE, _ABOUT, f"{name} is a folder, which is not looked into")
        return
    try:
        with file.open("rb") as opened:
            found = bodies(opened.read(_LONGEST).decode("utf-8", "replace"))
    except OSError as fault:
        text = f"{name}: {file} cannot be read ({fault.strerror}), so what reads it trusts nobody, or fails"
        yield Finding(Level.ERROR, _ABOUT, text, fix)
        return
    if not found:
        text = f"{name}: {file} holds no PEM certificate, so what reads it trusts nobody, or fails"
        yield Finding(Level.ERROR, _ABOUT, text, fix)
        return
    if ca is not None and body(ca) not in found:
        text = f"{name}: {file} does not hold this proxy's CA, so what reads it refuses inspected hosts"
        yield Finding(Level.WARNING, _ABOUT, text, fix)
    elif ca is not None and name in REPLACED and len(found) == 1:
        text = f"{name}: {file} holds this proxy's CA alone, so what reads it refuses hosts that are not inspected"
        yield Finding(Level.WARNING, _ABOUT, text, fix)
    else:
        yield Finding(Level.OK, _ABOUT, f"{name}: {file} can be read")


def _leads_to(text: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme in _SCHEMES and parts.hostname:
            host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
            return host, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        pass
    return None
