"""`forward-proxy explain`: what would become of a request, and why; nothing is sent anywhere.

Exit codes: 0 explained, whatever the verdict; 1 a line of `explain -` was not understood, or the store cannot be read;
2 the command line, a setting or a rule was not understood.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import IO

import click

from forward_proxy.access.budgets import Usage
from forward_proxy.access.grants import Grants
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import EXIT_FAULT, Failure
from forward_proxy.cli.queries import MAX_LINE_BYTES, Query, read_at, read_client, read_header, read_line
from forward_proxy.errors import StorageError
from forward_proxy.explaining.asking import asked
from forward_proxy.explaining.explanation import explain as explained
from forward_proxy.explaining.respelling import respelled
from forward_proxy.explaining.verdicts import as_data, verdict
from forward_proxy.matching.client import KnownClient, User
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.facts import RESOURCES
from forward_proxy.message.targets import Malformed
from forward_proxy.policy.door import Policy
from forward_proxy.policy.onboarding import Certificate
from forward_proxy.rulefiles.rules import Rules, load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import (
    budgets_folder,
    grants_folder,
    refusals_folder,
    shelf_of,
    state_of,
    store_folder,
)
from forward_proxy.storage.budgets import BudgetStore
from forward_proxy.storage.grants import GrantStore
from forward_proxy.storage.refusals import RefusalStore
from forward_proxy.traffic.redaction import visible
from forward_proxy.users.file import load_users


@click.command()
@click.argument("url")
@click.option("--method", default="GET", show_default=True, help="The request method.")
@click.option("--client", default="127.0.0.1", metavar="ADDRESS", show_default=True, help="Who asks.")
@click.option("--user", metavar="NAME", help="Who has said by name and password to be the user.")
@click.option("--listener", metavar="PORT", help="The port that the client is connected to.")
@click.option("--header", "headers", metavar="'NAME: VALUE'", multiple=True, help="A request field.  [repeatable]")
@click.option("--headers", "all_headers", is_flag=True, help="Show all request fields, before and after.")
@click.option("--page", default="", metavar="URL|HOST", help="The page that asks.")
@click.option("--resource", default="", metavar="WORD", help=f"What for: {', '.join(RESOURCES)}.")
@click.option("--at", "when", metavar="TIME", help="When, in ISO 8601 or POSIX seconds; now if not said.")
@click.option("--all", "all_rules", is_flag=True, help="Show every rule that was tried.")
@json_option
@takes_settings("state", "rules", "users", "authenticate")
def explain(
    settings: Settings,
    url: str,
    method: str,
    client: str,
    user: str | None,
    listener: str | None,
    headers: tuple[str, ...],
    all_headers: bool,
    page: str,
    resource: str,
    when: str | None,
    all_rules: bool,
    as_json: bool,
) -> None:
    """Tell what would become of a request, and why.

    Nothing is sent anywhere.  URL may lack its scheme, which is then https.  With - for URL, reads one JSON object a
    line (url, method, page, resource, client, user, listener, at, headers) and prints one verdict a line.
    """
    rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    rules = replace(rules, access=rules.access.used(_usage(settings, rules, int(time.time()))))
    hashes = load_users(settings.users).hashes if settings.users else None
    refusals = RefusalStore(refusals_folder(settings)).kept(int(time.time())).refusals
    certificate = Certificate(b"", "") if settings.inspect else None  # No answer depends on which one it is.
    granted = _grants(settings)
    given = state_of(settings, rules, granted, hashes=hashes, refusals=refusals, certificate=certificate)
    policy = Policy(given)
    if url == "-":
        sys.exit(_answer_lines(policy, sys.stdin.buffer, sys.stdout))
    text = url if "://" in url else f"https://{url}"
    lines = [_understood("--header", read_header(header)) for header in headers]
    request = asked(text, method, page, resource, lines)
    if isinstance(request, Malformed):
        raise click.UsageError(f"{_printable(request.reason)}; nothing like it gets past the proxy")
    if isinstance(asking := read_client(client, user, listener), Unreadable):
        raise click.BadParameter(asking.text, param_hint="--client, --user or --listener")
    if isinstance(asking := _taken_at_word(asking, policy), Unreadable):
        raise click.BadParameter(asking.text, param_hint="--user")
    now = int(time.time()) if when is None else _understood("--at", read_at(when))
    stored = _Stored(settings)
    explanation = explained(policy, request, asking, now, stored.candidates)
    changes = respelled(text, request.target)
    if as_json:
        click.echo(json.dumps(as_data(explanation) | {"respelled": changes}, indent=2))
    else:
        # What draws is imported when something is drawn.
        from forward_proxy.cli.explained import show_explanation

        show_explanation(explanation, changes, all_rules=all_rules, all_headers=all_headers)
    if stored.fault is not None:
        raise Failure(f"{stored.fault}\nexplained as if nothing were stored")


def _taken_at_word(client: KnownClient, policy: Policy) -> KnownClient | Unreadable:
    """The client as if its user had given the right password."""
    hashes = policy.state.authentication.hashes
    if client.user is None or hashes is None:
        return client
    entry = hashes.get(client.user.name)
    if entry is None:
        return Unreadable(f"no user is called {_printable(client.user.name)}")
    return client.proved(User(client.user.name, entry))


def _grants(settings: Settings) -> Grants:
    kept = GrantStore(grants_folder(settings)).kept(int(time.time()))
    if kept.lost:
        raise Failure(visible("\n".join(kept.lost)))
    return kept.grants


def _usage(settings: Settings, rules: Rules, now: int) -> Usage:
    """What is used of budgets today; at another time, nothing is known to be."""
    return BudgetStore(budgets_folder(settings)).usage(rules.access.budgets.values(), now)


class _Stored:
    """The store's look-up; a store that cannot be read holds nothing, as for the proxy, and the fault is kept."""

    def __init__(self, settings: Settings) -> None:
        self._folder = store_folder(settings)
        self.fault: StorageError | None = None

    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]:
        from forward_proxy.storage.inspection import StoreReader  # Only when there is something to look up.

        try:
            return StoreReader(self._folder).candidates(key)
        except StorageError as fault:
            self.fault = fault
            return ()


def _understood[T](option: str, value: T | Unreadable) -> T:
    if isinstance(value, Unreadable):
        raise click.BadParameter(value.text, param_hint=option)
    return value


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _answer_lines(policy: Policy, questions: IO[bytes], answers: IO[str]) -> int:
    """One verdict a line, each written before the next question is read, so that a program can ask in turn."""
    now = int(time.time())
    wrong = 0
    for number, line in enumerate(_lines(questions), 1):
        if not line.strip():
            continue
        query = _read(line, now, policy)
        if isinstance(query, Unreadable):
            wrong += 1
            answer: dict[str, object] = {"error": query.text, "line": number}
        else:
            answer = verdict(policy, query.request, query.client, query.at)
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()
    return EXIT_FAULT if wrong else 0


def _read(line: bytes, now: int, policy: Policy) -> Query | Unreadable:
    query = read_line(line, now)
    if isinstance(query, Unreadable):
        return query
    client = _taken_at_word(query.client, policy)
    return client if isinstance(client, Unreadable) else replace(query, client=client)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream; of one that is too long, its beginning, which is too long as well."""
    for line in iter(partial(stream.readline, MAX_LINE_BYTES + 1), b""):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 1)
        yield line
