"""Options that commands share.  Every flag that is a setting is made from the setting's own declaration."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate

import click

from forward_proxy.settings import SETTINGS, Settings, load_settings
from forward_proxy.settings.given import SETTINGS_VARIABLE

_METAVARS = {
    "listen": "[https://]HOST:PORT",
    "rules": "DIR",
    "state": "DIR",
    "allow_clients": "CIDR",
    "users": "FILE",
    "authenticate": "when-needed|always",
    "connect_ports": "N",
    "origin_ca": "FILE",
    "resolve": "HOST:PORT:ADDRESS",
    "workers": "N|auto",
    "anonymity": "LEVEL",
    "inspect": "on|off",
    "fast_lane": "on|off",
    "offline": "auto|on|off",
    "ca.certificate": "FILE",
    "ca.key": "FILE",
    "cache.profile": "auto|private|shared",
    "log.with_secrets": "off|yes-i-mean-it",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_settings_option = click.option(
    "--settings", "settings_file", metavar="FILE", envvar=SETTINGS_VARIABLE, show_envvar=True, help="The settings file."
)


def _parameter(key: str) -> str:
    return key.replace(".", "_")


def _flag(flag: str, key: str, meaning: str, many: bool) -> Callable[[Callable[..., Any]], Any]:
    """The option of one setting; a setting without a word for its value is switched on by its flag alone."""
    if key not in _METAVARS:
        return click.option(flag, _parameter(key), flag_value="on", help=meaning)
    text = f"{meaning}  [repeatable]" if many else meaning
    return click.option(flag, _parameter(key), metavar=_METAVARS[key], multiple=many, help=text)


_FLAGS = {each.key: _flag(each.flag, each.key, each.meaning, each.many) for each in SETTINGS if each.flag}
RUN_FLAGS = tuple(_FLAGS)


def takes_settings[**P, R](*keys: str) -> Callable[[Callable[Concatenate[Settings, P], R]], Callable[P, R]]:
    """Gives a command --settings and the flags of these settings, and hands it the settings in force first.

    A command that reads what the proxy wrote takes "state" and "rules"; `run` takes RUN_FLAGS.
    """

    def decorate(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
        @wraps(command)
        def with_settings(*args: P.args, **options: P.kwargs) -> R:
            flags = {key: _texts(options.pop(_parameter(key))) for key in keys}
            file = _texts(options.pop("settings_file"))
            settings = load_settings(Path(file[0]) if file else None, os.environ, flags)
            return command(settings, *args, **options)

        decorated: Callable[P, R] = with_settings
        for key in reversed(keys):
            decorated = _FLAGS[key](decorated)
        return _settings_option(decorated)

    return decorate


def _texts(given: object) -> tuple[str, ...]:
    """What click made of a flag: nothing, one text, or a tuple when it may be repeated."""
    return given if isinstance(given, tuple) else () if given is None else (str(given),)
