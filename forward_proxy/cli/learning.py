"""`forward-proxy learn` and `enforce`: the smallest allow-list of one program, and a program held to its list.

Exit codes: those of the program, as a shell would have them; 2 the command line, a setting or a rule file was not
understood, and the program was not started; 121 (`enforce`) something was denied; 125 the proxy could not start or go
on; 126 the program cannot be run; 127 there is none.
"""

import difflib
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure, Misuse
from forward_proxy.cli.launching import OWN_FLAGS, attempted, confine_option, words_argument
from forward_proxy.errors import RuleFileError
from forward_proxy.launching.session import Ended, through_own_proxy
from forward_proxy.learning.entries import Entries, entries_for
from forward_proxy.learning.judging import may_allow_host
from forward_proxy.learning.merging import NotMergeable, check_mergeable, merged
from forward_proxy.learning.patterns import Breadth
from forward_proxy.learning.seen import Asked, Evidence, Found, Seen
from forward_proxy.learning.writing import allow_list, inspect_lines, rule_lines
from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import shelf_of
from forward_proxy.traffic.redaction import visible

EXIT_DENIED = 121
_SHOWN = 20

paths_option = click.option(
    "--paths", "breadth", type=click.Choice(("exact", "folders", "hosts")), default="folders", show_default=True,
    help="Every path, one pattern for more than ten in a folder, or hosts and methods alone.",
)  # fmt: skip


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the rules here; what FILE allows and denies already stays.")  # fmt: skip
@paths_option
@confine_option
@words_argument
@takes_settings("rules", *OWN_FLAGS)
def learn(settings: Settings, file: Path | None, breadth: Breadth, confine: bool, words: Sequence[str]) -> None:
    """Run a program and write the smallest allow-list for it.

    It goes through a proxy of its own.  The rules in force hold meanwhile; what they do not deny is let through and
    learned.
    """
    rules = load(settings.rules, default="allow", shelf=shelf_of(settings))
    _check(file, settings)
    ended = attempted(lambda: through_own_proxy(words, settings, rules, "allow", confined=confine))
    _remark(ended.seen, "not learned")
    try:
        _keep(ended, file, breadth, words, settings)
    except click.ClickException:
        click.echo(_new(ended, breadth, words), nl=False, err=True)  # What may have taken long is not lost.
        raise
    sys.exit(ended.status)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@confine_option
@json_option
@words_argument
@takes_settings(*OWN_FLAGS)
def enforce(settings: Settings, file: Path, confine: bool, as_json: bool, words: Sequence[str]) -> None:
    """Run a program that may ask for what FILE allows, and nothing else.

    It goes through a proxy of its own.  Ends with 121 when anything was denied, whatever the program made of it.
    """
    rules = load((file,), default="deny", shelf=shelf_of(settings))
    ended = attempted(lambda: through_own_proxy(words, settings, rules, "deny", confined=confine))
    _count_unlisted(ended.seen, rules)
    ids = {choice.where.id for choice in rules.access.rules if choice.where.id}
    status = EXIT_DENIED if ended.seen.denied or ended.seen.unnamed else ended.status
    if as_json:
        click.echo(json.dumps(_report(ended, status, settings, ids)), err=True)
    else:
        _remark(Seen(failed=ended.seen.failed, distrusted=ended.seen.distrusted), "note")
        _tell_denied(ended, file, status, settings, ids)
    sys.exit(status)


def _count_unlisted(seen: Seen, rules: Rules) -> None:
    """Of what came to nothing, that to hosts that are not on the list was tried all the same."""
    for found in (seen.distrusted, seen.failed):
        for asked, evidence in tuple(found.items()):
            if not may_allow_host(rules.access, asked, int(time.time())):
                evidence.why = "no rule allows anything of this host"
                seen.denied.setdefault(asked, Evidence()).add(found.pop(asked))


def _say(text: str) -> None:
    click.echo(f"forward-proxy: {visible(text)}", err=True)


def _remark(seen: Seen, word: str) -> None:
    """What cannot be learned, and why."""
    for found, what in (
        (seen.denied, _denied_by),
        (seen.failed, lambda evidence: f"no answer: {evidence.why}"),
        (seen.distrusted, lambda _: "the program does not trust the proxy; with `inspect: never` it would be a tunnel"),
    ):
        for asked in sorted(found)[:_SHOWN]:
            _say(f"{word}: {asked}: {what(found[asked])}")
        if len(found) > _SHOWN:
            _say(f"{word}: {len(found) - _SHOWN} others")
    if seen.unnamed:
        _say(f"{word}: {seen.unnamed} requests whose target cannot be understood")


def _denied_by(evidence: Evidence) -> str:
    return f"denied by {evidence.rule}" if evidence.rule else f"denied: {evidence.why}"


def _keep(ended: Ended, file: Path | None, breadth: Breadth, words: Sequence[str], settings: Settings) -> None:
    """Into the file, as it is by now."""
    before = _content(file)
    if before is None or file is None:
        _write_new(ended, file, breadth, words, settings)
        return
    try:
        _add(ended, file, before, breadth, settings)
    except (NotMergeable, RuleFileError) as fault:
        raise Failure(f"{file}: nothing can be added to it: {fault}") from fault


def _write_new(ended: Ended, file: Path | None, breadth: Breadth, words: Sequence[str], settings: Settings) -> None:
    entries = entries_for(ended.seen.used, breadth)
    _tell_left_out(entries)
    text = _new(ended, breadth, words)
    target = file or Path("learned.yaml")
    _compiler(settings, target)(text.encode())
    if file is None:
        click.echo(text, nl=False, err=True)
        return
    _write(file, text)
    hosts = len({asked.origin.host for asked in ended.seen.used})
    _say(f"{file}: {_count(len(entries.rules), 'rule')} for {_count(hosts, 'host')}")


def _new(ended: Ended, breadth: Breadth, words: Sequence[str]) -> str:
    heading = f"What {Path(words[0]).name} asked for on {datetime.now(UTC).date()}, by forward-proxy learn.  "
    return allow_list(entries_for(ended.seen.used, breadth), (f"{heading}All else is denied.",))


def _add(ended: Ended, file: Path, before: bytes, breadth: Breadth, settings: Settings) -> None:
    """Raises NotMergeable, and RuleFileError when the file is not sound."""
    compile_file = _compiler(settings, file)
    compile_file(before)
    text = before.decode()
    change = merged(text, ended.seen.used, breadth, int(time.time()), compile_file)
    _tell_left_out(change.entries)
    for asked, rule in change.stays_denied[:_SHOWN]:
        _say(f"not added: {asked}: denied by {rule.id or 'the rule'} at {rule}")
    if change.text == text:
        _say(f"{file}: nothing new")
        return
    _write(file, change.text)
    old, new = (each.splitlines(keepends=True) for each in (text, change.text))
    click.echo("".join(map(_printed, difflib.unified_diff(old, new, str(file), str(file)))), nl=False, err=True)
    _say(f"{file}: {_count(len(change.entries.rules), 'rule')} added")


def _printed(line: str) -> str:
    return visible(line.rstrip("\r\n")) + "\n"


def _tell_left_out(entries: Entries) -> None:
    for asked in entries.too_long[:_SHOWN]:
        _say(f"not learned: {str(asked)[:200]}…: a path this long cannot stand in a rule")


def _compiler(settings: Settings, file: Path) -> Callable[[bytes], Rules]:
    return lambda content: compiled(((str(file), content),), default="deny", shelf=shelf_of(settings))


def _check(file: Path | None, settings: Settings) -> None:
    """Whatever keeps rules out of this file is told before the program runs."""
    before = _content(file)
    if file is None or before is None:
        return
    compile_file = _compiler(settings, file)
    compile_file(before)
    try:
        check_mergeable(before.decode(), compile_file)
    except NotMergeable as fault:
        raise Failure(f"{file}: nothing can be added to it: {fault}") from fault


def _content(file: Path | None) -> bytes | None:
    """What is in the file; None when there is none, and a place for it."""
    if file is None:
        return None
    try:
        return file.read_bytes()
    except FileNotFoundError:
        if not file.parent.is_dir():
            raise Misuse(f"{file}: there is no folder {file.parent}") from None
        return None
    except OSError as fault:
        raise Misuse(f"{file}: cannot be read: {fault.strerror}") from None


def _write(file: Path, text: str) -> None:
    """In one step: whoever reads it sees the old or the new."""
    target = file.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        raise Failure(f"{file}: cannot be written: {fault.strerror}") from fault


def _tell_denied(ended: Ended, file: Path, status: int, settings: Settings, ids: Collection[str]) -> None:
    denied = ended.seen.denied
    if ended.seen.unnamed:
        _say(f"refused: {ended.seen.unnamed} requests whose target cannot be understood")
    if denied:
        total = sum(evidence.exchanges for evidence in denied.values())
        _say(f"{_count(total, 'request')} denied that {file} does not allow")
        for asked in sorted(denied)[:_SHOWN]:
            evidence = denied[asked]
            click.echo(visible(f"{evidence.exchanges:>7,}×  {asked}  ({_denied_by(evidence)})"), err=True)
        if len(denied) > _SHOWN:
            click.echo(f"          and {len(denied) - _SHOWN} others", err=True)
        ports = _other_ports(denied, settings)
        if ports:
            _say(f"tunnels to other ports than 443 need {' '.join(f'--connect-port {port}' for port in ports)}")
        if lines := _lines(denied, ports, ids):
            click.echo("\n".join(("To allow them, add before what denies them:", *lines)), err=True)
    if status != ended.status:
        _say(f"exit status {status}; the program's own was {ended.status}")


def _other_ports(denied: Found, settings: Settings) -> list[int]:
    """Ports to which there are no tunnels, whatever the rules say."""
    return sorted({asked.origin.port for asked in denied if asked.is_tunnel} - set(settings.connect_ports))


def _lines(denied: Found, other_ports: Collection[int], ids: Collection[str]) -> list[str]:
    """What would allow what was denied by rules; `ids` are those of the file."""
    by_rules = {
        asked: evidence
        for asked, evidence in denied.items()
        if not (asked.is_tunnel and asked.origin.port in other_ports)
    }
    if not by_rules:
        return []
    entries = entries_for(by_rules, "folders", ids)
    inspect = ["inspect:", *inspect_lines(entries.inspect, 2)] if entries.inspect else []
    return ["rules:", *rule_lines((replace(entry, evidence=()) for entry in entries.rules), 2), *inspect]


def _report(ended: Ended, status: int, settings: Settings, ids: Collection[str]) -> dict[str, Any]:
    seen = ended.seen
    return {
        "status": status,
        "program_status": ended.status,
        "denied": [_denial(asked, seen) for asked in sorted(seen.denied)],
        "not_understood": seen.unnamed,
        "to_allow": "\n".join(_lines(seen.denied, _other_ports(seen.denied, settings), ids)),
    }


def _denial(asked: Asked, seen: Seen) -> dict[str, Any]:
    evidence, origin = seen.denied[asked], asked.origin
    return {
        "method": asked.method,
        "scheme": origin.scheme,
        "host": origin.host,
        "port": origin.port,
        "path": asked.path,
        "count": evidence.exchanges,
        "first_at": evidence.first_at,
        "rule": evidence.rule or None,
        "reason": evidence.why,
    }


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
