"""`forward-proxy budgets`: what is used and left of the day's minutes; and `bonus`: more of them, for today.

Exit codes: 0 told, or given; 1 what is used cannot be read or kept; 2 the command line, a setting or a rule was not
understood.
"""

import json
import time
from ipaddress import ip_address
from typing import Any

import click

from forward_proxy.access.budgets import MOST_MINUTES, Account, Budget, Standing, Usage
from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.screen import columns, moment, said, show
from forward_proxy.matching.conditions import unknown
from forward_proxy.message.hosts import unmapped
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import budgets_folder, shelf_of
from forward_proxy.storage.budgets import BudgetStore
from forward_proxy.traffic.redaction import visible


@click.command()
@json_option
@takes_settings("state", "rules")
def budgets(settings: Settings, as_json: bool) -> None:
    """Show what is used and left of the minutes a day."""
    found = _budgets(settings)
    now = int(time.time())
    usage = _store(settings).usage(found.values(), now)
    standings = [(budget, each) for budget in found.values() for each in _standings(budget, usage, now)]
    if as_json:
        for budget, standing in standings:
            click.echo(json.dumps(_as_data(budget, standing)))
    elif standings:
        table = columns("rule", "who", "used", "of", "bonus", "left", "new at", right=("used", "of", "bonus", "left"))
        for budget, standing in standings:
            bonus = f"{standing.bonus:+}" if standing.bonus else "-"
            told = (standing.used, standing.limit, bonus, standing.left, moment(standing.ends))
            table.add_row(*(said(cell) for cell in (budget.rule, _whom(budget, standing.account), *told)))
        show(table)
    else:
        click.echo("no rule has a budget", err=True)


@click.command()
@click.argument("rule", metavar="RULE")
@click.option("--minutes", metavar="N", type=int, required=True, help="How many; below 0 takes them back.")
@click.option("--client", metavar="ADDRESS", help="For whom; every client of the rule if not said.")
@json_option
@takes_settings("state", "rules")
def bonus(settings: Settings, rule: str, minutes: int, client: str | None, as_json: bool) -> None:
    """Give more minutes for today.

    RULE is the id of a rule with a budget.
    """
    found = _budgets(settings)
    if (budget := found.get(rule)) is None:
        raise click.BadParameter(visible(unknown(rule, found, _no_budget(rule, found))), param_hint="RULE")
    if not 0 < abs(minutes) <= MOST_MINUTES:
        raise click.BadParameter(f"expected 1 to {MOST_MINUTES}, or below 0, not {minutes}", param_hint="--minutes")
    account = Account(rule, _address(budget, client))
    now, store = int(time.time()), _store(settings)
    store.give(budget, account.client, minutes, now)
    standing = store.usage((budget,), now).standing(budget, account, now)
    if as_json:
        click.echo(json.dumps(_as_data(budget, standing)))
        return
    what = f"{abs(minutes)} minute{'' if abs(minutes) == 1 else 's'} {'more' if minutes > 0 else 'fewer'}"
    stands = f": {standing.told}" if account.client or budget.per == "group" else ""
    show(said(f"{rule}: {what} today for {_whom(budget, account)}{stands}"))


def _budgets(settings: Settings) -> dict[str, Budget]:
    return dict(load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings)).access.budgets)


def _store(settings: Settings) -> BudgetStore:
    return BudgetStore(budgets_folder(settings))


def _standings(budget: Budget, usage: Usage, now: int) -> list[Standing]:
    """Of every account that is known, and first of all others, or of the one that all share."""
    known = sorted((account for account in usage.accounts if account.rule == budget.rule), key=_order)
    accounts = dict.fromkeys((Account(budget.rule, ""), *known))
    return [usage.standing(budget, account, now) for account in accounts]


def _order(account: Account) -> tuple[int, int]:
    try:
        address = ip_address(account.client)
    except ValueError:
        return 0, 0
    return address.version, int(address)


def _whom(budget: Budget, account: Account) -> str:
    return account.client or ("all together" if budget.per == "group" else "each client")


def _address(budget: Budget, client: str | None) -> str:
    """The client of an account, as it is filed."""
    if client is None:
        return ""
    if budget.per == "group":
        raise click.BadParameter(f"all whom {budget.rule} matches share its minutes", param_hint="--client")
    try:
        return str(unmapped(ip_address(client)))
    except ValueError:
        wrong = f"expected an IP address, not {visible(client)}"
        raise click.BadParameter(wrong, param_hint="--client") from None


def _no_budget(rule: str, found: dict[str, Budget]) -> str:
    return f"no rule {rule} has a budget" if found else "no rule has a budget"


def _as_data(budget: Budget, standing: Standing) -> dict[str, Any]:
    return {
        "rule": budget.rule,
        "per": budget.per,
        "client": standing.account.client or None,
        "used": standing.used,
        "minutes": standing.limit,
        "bonus": standing.bonus,
        "left": standing.left,
        "new_at": standing.ends,
    }
