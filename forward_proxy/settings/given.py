"""What do the environment and the flags say?  Texts with the place each stands at, not yet understood."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from forward_proxy.settings.declared import ENVIRONMENT_PREFIX, Setting
from forward_proxy.settings.model import BY_KEY, SETTINGS, Source

SETTINGS_VARIABLE = ENVIRONMENT_PREFIX + "SETTINGS"
# Kubernetes and linked containers set these in every container beside a service named forward-proxy.
_NOT_OURS = re.compile(rf"{ENVIRONMENT_PREFIX}(SERVICE_HOST|(SERVICE_)?PORT(_[A-Z0-9_]+)?)")


@dataclass(frozen=True, slots=True)
class Text:
    """One text and its place in words an operator can follow: file:line:column, a variable, a flag."""

    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Given:
    """What one source says of one setting; relative paths start at `base`."""

    setting: Setting
    members: tuple[Text, ...]
    source: Source
    base: Path = Path()


@dataclass(slots=True)
class Reading:
    """Everything that one source says, and what in it could not be read."""

    given: list[Given] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def from_environment(environ: Mapping[str, str]) -> Reading:
    """FORWARD_PROXY_ variables; an empty one counts as unset, members of a list are separated by commas."""
    by_name = {setting.environment: setting for setting in SETTINGS}
    reading = Reading()
    for name, text in environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name == SETTINGS_VARIABLE or _NOT_OURS.fullmatch(name):
            continue
        if (setting := by_name.get(name)) is None:
            reading.problems.append(f"{name}: no such setting{_named_alike(name, (*by_name, SETTINGS_VARIABLE))}")
        elif text:
            texts = [part.strip() for part in text.split(",")] if setting.many else [text]
            members = tuple(Text(text, name) for text in texts)
            reading.given.append(Given(setting, members, Source("environment", name)))
    return reading


def from_flags(flags: Mapping[str, Sequence[str]]) -> Reading:
    """Flags by the key of their setting, each with the texts it was given; none means the flag was not used."""
    reading = Reading()
    for key, texts in flags.items():
        setting = BY_KEY[key]
        flag = setting.flag or key
        if texts:
            reading.given.append(Given(setting, tuple(Text(text, flag) for text in texts), Source("flag", flag)))
    return reading


def _named_alike(name: str, known: Sequence[str]) -> str:
    """A suggestion that is not led astray by the beginning which all names share."""
    rests = [each.removeprefix(ENVIRONMENT_PREFIX) for each in known]
    return suggestion(name.removeprefix(ENVIRONMENT_PREFIX), rests, ENVIRONMENT_PREFIX)


def suggestion(name: str, known: Sequence[str], before: str = "") -> str:
    """The known name that was probably meant, as the end of a sentence; empty when none is near."""
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    return f"; did you mean {before}{near[0]}?" if near else ""
