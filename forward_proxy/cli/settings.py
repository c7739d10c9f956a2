"""`forward-proxy settings`: what is in force, and who said so.

The text is itself a settings file that leads to the same values; where each came from stands in its comments.
"""

import json
import re
from collections.abc import Iterator
from functools import reduce

import click

from forward_proxy.cli.common import RUN_FLAGS, json_option, takes_settings
from forward_proxy.settings import SETTINGS, Setting, Settings

# Text that YAML reads as itself without quotes, wherever it stands.
_PLAIN = re.compile(r"[A-Za-z0-9/._](?:[A-Za-z0-9/._:+-]*[A-Za-z0-9/._+-])?", re.ASCII)
_COLUMN = 44


@click.command()
@json_option
@takes_settings(*RUN_FLAGS)
def settings(settings: Settings, as_json: bool) -> None:
    """Print the settings in force and where each comes from."""
    if as_json:
        click.echo(json.dumps({setting.key: _described(setting, settings) for setting in SETTINGS}, indent=2))
    else:
        for line in _lines(settings):
            click.echo(line)


def _described(setting: Setting, settings: Settings) -> dict[str, object]:
    source = settings.sources[setting.key]
    return {"value": _plain(setting, _value(setting, settings)), "source": source.kind, "where": source.where or None}


def _plain(setting: Setting, value: object) -> object:
    """Numbers and switches as JSON has them, bytes and seconds; everything else spelled as in a file."""
    if isinstance(value, tuple):
        return [_plain(setting, member) for member in value]
    return value if value is None or isinstance(value, bool | int | float) else setting.kind.text(value)


def _lines(settings: Settings) -> Iterator[str]:
    within = ""
    for setting in SETTINGS:
        section, _, name = setting.key.rpartition(".")
        if section != within:
            yield f"{section}:"
            within = section
        text = f"{'  ' if section else ''}{name}: {_yaml(setting, _value(setting, settings))}"
        unset = "# " if _value(setting, settings) is None else ""
        yield f"{unset + text:{_COLUMN}}  # {settings.sources[setting.key]}"


def _yaml(setting: Setting, value: object) -> str:
    texts = [_scalar(text) for text in setting.texts(value)]
    return f"[{', '.join(texts)}]" if setting.many else texts[0] if texts else "not set"


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _value(setting: Setting, settings: Settings) -> object:
    return reduce(getattr, setting.attribute, settings)
