"""`forward-proxy services`: which services there are, which of them are blocked, and the switch for each.

The switch is a rule file in the first folder of rules (rulefiles/switches.py), so a running proxy goes by it within a
second, and it is found where all rules are.

Exit codes: 0 done or listed; 1 there was nothing to do, or it cannot be written; 2 something was not understood.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from forward_proxy.access.rules import AccessRules
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure
from forward_proxy.cli.screen import columns, place, said, show
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import Hosts
from forward_proxy.matching.implication import covers
from forward_proxy.matching.matcher import Not
from forward_proxy.matching.services import Catalogue, Service
from forward_proxy.rulefiles.candidates import inserted
from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.switches import NAME, Switch, blocked, read_switches, unblocked, written
from forward_proxy.settings import Settings
from forward_proxy.settings.options import shelf_of
from forward_proxy.traffic.redaction import visible

type Change = Callable[[tuple[Switch, ...], str, str, Catalogue], tuple[Switch, ...] | None]


class _ListsByItself(click.Group):
    """Without a command it lists, as a list of switches is what people look for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if asks else ["list", *args])


@click.group(cls=_ListsByItself)
def services() -> None:
    """List, block and unblock services such as TikTok.

    Without a command: list them.
    """


_words = click.argument("words", metavar="SERVICE|CATEGORY...", nargs=-1, required=True)
_group = click.option(
    "--group", default="", metavar="NAME", help="For this group of rule files; everybody if not said."
)


@services.command(name="list")
@click.argument("words", metavar="[SERVICE|CATEGORY]...", nargs=-1)
@json_option
@takes_settings("state", "rules")
def list_services(settings: Settings, words: tuple[str, ...], as_json: bool) -> None:
    """List services, and which of them rules deny."""
    rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    wanted = [each for word in words for each in _named(rules, word)] or list(rules.services.services.values())
    table = columns("service", "name", "category", "hosts", "blocked", right=("hosts",), whole=("service",))
    for service in sorted(
        wanted, key=lambda each: rules.services.categories.index(each.category) if each.category else -1
    ):
        denials = _denials(rules.access, service)
        if as_json:
            click.echo(json.dumps(_data(service, denials)))
            continue
        count = len(service.hosts) + len(service.shared)
        cells = (service.id, service.name, service.category or "-", count, _told(denials))
        table.add_row(*(said(cell, "" if denials else "dim") for cell in cells))
    if not as_json:
        show(table)


@services.command(name="block")
@_words
@_group
@takes_settings("state", "rules")
def block_services(settings: Settings, words: tuple[str, ...], group: str) -> None:
    """Deny services, or all of a category, from now on."""
    _change(settings, words, group, blocked, "blocked")


@services.command(name="unblock")
@_words
@_group
@takes_settings("state", "rules")
def unblock_services(settings: Settings, words: tuple[str, ...], group: str) -> None:
    """End what `block` did, or leave one service out of a category that is blocked."""
    after = _change(settings, words, group, unblocked, "no longer blocked")
    for service in [each for word in words for each in _named(after, word)]:
        for rule in _denials(after.access, service):
            show(said(f"{service.id} is still denied by {rule.where.id or 'the rule'} ({place(rule.where)})"))


def _change(settings: Settings, words: tuple[str, ...], group: str, change: Change, done: str) -> Rules:
    """Change the file by each word, if the set is sound with it, and return that set."""
    shelf, folder = shelf_of(settings), settings.rules[0]
    file = folder / NAME
    with _alone(folder):
        rules = load(settings.rules, default=settings.default_verdict, shelf=shelf)
        switches = _switches(file)
        for word in words:
            _named(rules, word)
            if (changed := change(switches, group, word, rules.services)) is None:
                raise Failure(f"{word} is not blocked{f' for {group}' if group else ''} by {_shown(file)}")
            switches = changed
        sources = tuple(source for source in rules.sources if Path(source[0]).absolute() != file.absolute())
        if switches:
            sources = inserted((_shown(file), written(switches)), sources, folder)
        after = compiled(sources, default=settings.default_verdict, shelf=shelf)
        _write(file, written(switches) if switches else None)
    whom = f" for {group}" if group else ""
    show(said(f"{', '.join(words)}: {done}{whom}, by {_shown(file)}"))
    return after


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other such command is between reading the switches of this folder and writing them."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise Failure(f"{_shown(folder)} cannot be read: {fault.strerror}") from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _named(rules: Rules, word: str) -> tuple[Service, ...]:
    found = rules.services.named(word)
    if isinstance(found, Unreadable):
        raise click.UsageError(visible(found.text))
    return found


def _switches(file: Path) -> tuple[Switch, ...]:
    try:
        return read_switches(_shown(file), file.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as fault:
        raise Failure(f"{_shown(file)} cannot be read: {fault.strerror}") from fault


def _write(file: Path, content: bytes | None) -> None:
    """Put the whole file in its place at once, or take it away."""
    try:
        if content is None:
            file.unlink(missing_ok=True)
            return
        number, name = tempfile.mkstemp(prefix=".services-", dir=file.parent)
        try:
            with os.fdopen(number, "wb") as new:
                new.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as fault:
        raise Failure(f"{_shown(file)} cannot be written: {fault.strerror}") from fault


def _denials(access: AccessRules, service: Service) -> Sequence[Choice[Any]]:
    """The rules that deny all of a service's own hosts, at some time and to somebody."""
    return [rule for rule in access.rules if rule.value == "deny" and _is_about(rule, service)]


def _is_about(rule: Choice[Any], service: Service) -> bool:
    conditions = rule.matcher.conditions
    hosts = [each for each in conditions if isinstance(each, Hosts)]
    left_out = [each.inner.hosts for each in conditions if isinstance(each, Not) and len(each.inner.conditions) == 1]
    return bool(hosts) and _covers(hosts, service) and not any(_covers([each], service) for each in left_out if each)


def _covers(conditions: Sequence[Hosts], service: Service) -> bool:
    return all(covers(each, host.host, host.below) for each in conditions for host in service.hosts)


def _told(denials: Sequence[Choice[Any]]) -> str:
    """By which rules, and whether for everybody."""
    return ", ".join(
        f"{rule.where.id or place(rule.where)}{'' if _is_plain(rule) else ' (in part)'}" for rule in denials
    )


def _is_plain(rule: Choice[Any]) -> bool:
    return len(rule.matcher.conditions) == 1


def _data(service: Service, denials: Sequence[Choice[Any]]) -> dict[str, Any]:
    return {
        "id": service.id,
        "name": service.name,
        "category": service.category or None,
        "hosts": [host.host for host in service.hosts],
        "shared": [host.host for host in service.shared],
        "where": service.where,
        "blocked": [{"rule": str(each.where), "id": each.where.id, "always": _is_plain(each)} for each in denials],
    }


def _shown(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
