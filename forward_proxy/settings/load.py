"""Which value is in force?  Defaults, then the file, the environment and the flags, each over the one before.

A list is replaced as a whole, never added to.  Every text is checked, also one that a later source overrides, and
all problems are reported together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forward_proxy.errors import SettingsError
from forward_proxy.settings.file import read_file
from forward_proxy.settings.given import Given, Reading, Text, from_environment, from_flags
from forward_proxy.settings.model import SETTINGS, Settings, Source
from forward_proxy.settings.places import Places, default_places

_LONGEST_ECHO = 80


def load_settings(
    file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Sequence[str]],
    places: Places | None = None,
) -> Settings:
    """The settings in force; `flags` are texts by the key of their setting.

    Raises SettingsError with one line for each problem.
    """
    places = places or default_places(environ)
    readings = (read_file(file) if file else Reading(), from_environment(environ), from_flags(flags))
    given = [each for reading in readings for each in reading.given]
    mistakes = [(each.setting.key, mistake) for each in given for mistake in _mistakes(each)]
    wrong = {key for key, _ in mistakes}
    winners = {each.setting.key: each for each in given if each.setting.key not in wrong}
    settings = _in_force(Settings(rules=places.rules, state=places.state), winners)
    problems = [problem for reading in readings for problem in reading.problems]
    problems += [mistake for _, mistake in mistakes]
    if wrong.isdisjoint(("listen", "allow_clients", "users", "authenticate", "passwords_in_cleartext")):
        problems += _unsafe(settings)
    if wrong.isdisjoint(("listen", "listen_certificate", "listen_key", "listen_names")):
        problems += _half_of_tls(settings)
    if wrong.isdisjoint(("allow_clients", "purge_clients")):
        problems += _without_effect(settings)
    if wrong.isdisjoint(("ca.certificate", "ca.key")):
        problems += _half_given(settings)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _mistakes(given: Given) -> Iterator[str]:
    kind = given.setting.kind
    for member, value in zip(given.members, _parsed(given), strict=True):
        if value is None:
            place = member.place if _names_itself(given.source) else f"{member.place}: {given.setting.key}"
            yield f"{place}: expected {kind.expected}; found {_echo(member.text)}"


def _names_itself(source: Source) -> bool:
    """Whether the place alone says which setting it is about."""
    return source.kind in ("environment", "flag")


def _parsed(given: Given) -> tuple[object, ...]:
    kind = given.setting.kind
    return tuple(kind.parse(_anchored(member, given.base) if kind.path else member.text) for member in given.members)


def _anchored(member: Text, base: Path) -> str:
    if not member.text:
        return ""
    try:
        return str(base / Path(member.text).expanduser())
    except RuntimeError:  # A home folder that does not exist is a name like any other.
        return str(base / member.text)


def _echo(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "…")


def _in_force(defaults: Settings, winners: Mapping[str, Given]) -> Settings:
    changes: dict[str, Any] = {}
    sections: dict[str, dict[str, Any]] = {}
    for given in winners.values():
        *section, name = given.setting.attribute
        into = sections.setdefault(section[0], {}) if section else changes
        into[name] = given.setting.value(_parsed(given))
    changes |= {name: replace(getattr(defaults, name), **values) for name, values in sections.items()}
    sources = {s.key: winners[s.key].source if s.key in winners else Source() for s in SETTINGS}
    settings = replace(defaults, **changes, sources=MappingProxyType(sources))
    return replace(settings, connect_ports=tuple(sorted({443, *settings.connect_ports})))


def _unsafe(settings: Settings) -> Iterator[str]:
    """Listening addresses that are sound by themselves and not together with the rest."""
    place = _place_of(settings, "listen")
    if not settings.listen:
        yield f"{place}: expected at least one HOST:PORT"
    for endpoint in settings.listen:
        if endpoint.is_loopback:
            continue
        if not settings.allow_clients and not settings.serves_users_only:
            yield (
                f"{place}: refuses to be an open proxy: other machines can reach {endpoint}, so allow_clients must "
                "name those that may use it, or users and authenticate: always have everyone say who they are"
            )
        if settings.users is not None and not endpoint.tls and not settings.passwords_in_cleartext:
            yield (
                f"{place}: other machines can reach {endpoint}, and their passwords would cross the network in the "
                f"clear; https://{endpoint} has them come by TLS, or passwords_in_cleartext: yes-i-mean-it lets them"
            )
    if settings.authenticate == "always" and settings.users is None:
        yield f"{_place_of(settings, 'authenticate')}: always needs users, the file that says who they are"


def _half_of_tls(settings: Settings) -> Iterator[str]:
    """What belongs together for TLS with the proxy itself, and does not stand together."""
    given = {
        "listen_certificate": settings.listen_certificate,
        "listen_key": settings.listen_key,
        "listen_names": settings.listen_names,
    }
    certificate, key, names = given.values()
    if not any(endpoint.tls for endpoint in settings.listen):
        for each in (each for each, value in given.items() if value):
            yield f"{_place_of(settings, each)}: no address of listen begins with https://"
    elif bool(certificate) is not bool(key):
        one, other = ("listen_certificate", "listen_key") if certificate else ("listen_key", "listen_certificate")
        yield f"{_place_of(settings, one)}: needs {other}, the other half of it"
    elif certificate and names:
        yield f"{_place_of(settings, 'listen_names')}: listen_certificate says itself what it is for"


def _without_effect(settings: Settings) -> Iterator[str]:
    """Clients that may purge and may not connect."""
    if settings.serves_users_only and not settings.allow_clients:
        return  # Everybody who is a user can.
    place = _place_of(settings, "purge_clients")
    for network in settings.purge_clients:
        if not network.is_loopback and not any(network.overlaps(allowed) for allowed in settings.allow_clients):
            yield f"{place}: {network} is not among allow_clients, so nobody there can connect"


def _half_given(settings: Settings) -> Iterator[str]:
    """A CA of which one file is named and the other is not."""
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if getattr(settings.ca, one) is not None and getattr(settings.ca, other) is None:
            yield f"{_place_of(settings, f'ca.{one}')}: a CA is given by two files; expected ca.{other}, too"


def _place_of(settings: Settings, key: str) -> str:
    source = settings.sources[key]
    return str(source) if _names_itself(source) else f"{source}: {key}"
