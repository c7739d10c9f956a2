"""An explanation for somebody at a terminal: the outcome in one sentence, then each step that led to it."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from forward_proxy.access.budgets import Standing
from forward_proxy.access.rules import Denied, Step, Verdict
from forward_proxy.cli.screen import columns, duration, facts, moment, place, said, show
from forward_proxy.explaining.explanation import Explanation, Held, Passage
from forward_proxy.explaining.sentences import cleaning, named
from forward_proxy.matching.subject import Subject
from forward_proxy.message.fields import FieldSection
from forward_proxy.policy.decisions import Deny, Inspect, Serve, Tunnel

_LAST_SHOWN = 3


def show_explanation(
    explanation: Explanation, respelled: Sequence[str], *, all_rules: bool = False, all_headers: bool = False
) -> None:
    """Print it all; rules that did not match are folded, and unchanged fields left out, unless asked for."""
    parts: list[RenderableType] = [said(explanation.sentence, _style(explanation)), Text()]
    parts.append(_request(explanation, respelled))
    if explanation.trail:
        default = "deny" if isinstance(explanation.rehearsal.first, Deny) else "allow"
        parts += [_heading("Rules, in their order"), *_trail(explanation.trail, default, all_rules)]
        if explanation.otherwise is not None:
            parts.append(said(_otherwise(explanation.otherwise), "dim"))
    if explanation.budgets:
        parts += [_heading("Budgets that this uses"), _budgets(explanation.budgets)]
    if explanation.passage is not None:
        parts += _fields(explanation.passage, all_headers)
        parts += _cache(explanation, explanation.passage)
    show(*parts)


def _style(explanation: Explanation) -> str:
    decision = explanation.decision
    return "bold red" if isinstance(decision, Deny) else "bold green" if isinstance(decision, Serve) else "bold"


def _heading(text: str) -> Text:
    return Text("\n").append_text(said(text, "bold"))


def _request(explanation: Explanation, respelled: Sequence[str]) -> Table:
    subject = explanation.subject
    table = facts()
    table.add_row("URL", said(subject.url))
    for change in respelled:
        table.add_row("", said(change, "dim"))
    table.add_row("Request", said(_taken_for(subject)))
    table.add_row("Client", said(f"{_client(subject)}, at {moment(subject.at)}"))
    if (tunnel := _tunnel(explanation)) is not None:
        table.add_row("Tunnel", said(tunnel))
    if (other := explanation.asked_as) is not None:
        table.add_row("Safe search", said(f"asked as {other.host}, by {other.where}"))
    if (via := explanation.via) is not None:
        table.add_row("Reached", said(f"{'by ' if via.route.parents else ''}{via.route}, as {via.where} says"))
    if explanation.cleaned is not None:
        table.add_row("Tracking", said(cleaning(explanation.cleaned)))
        if not explanation.cleaned.left:
            table.add_row("", said(explanation.cleaned.location))
    if explanation.passage is not None and explanation.passage.allowed.rule is not None:
        table.add_row("Reason", said(explanation.passage.allowed.reason or "none given"))
    for added in explanation.passage.allowed.added if explanation.passage is not None else ():
        table.add_row("Adds", said(str(added)))
    return table


def _client(subject: Subject) -> str:
    user = f"{subject.user} at " if subject.user else ""
    return f"{user}{subject.client}" + (f", by port {subject.listener}" if subject.listener else "")


def _taken_for(subject: Subject) -> str:
    if subject.is_tunnel:
        return f"CONNECT {subject.host}:{subject.port}, whose inside is not known"
    party = {True: "third-party", False: "first-party", None: "party unknown"}[subject.third_party]
    page = f"asked by a page of {subject.page}" if subject.page else "no page told"
    return f"{subject.method}, taken for: {subject.resource}, {party}, {page}"


def _tunnel(explanation: Explanation) -> str | None:
    by = f"by {explanation.tunnel_by}" if explanation.tunnel_by else "by the settings"
    match explanation.rehearsal.tunnel:
        case Inspect():
            return f"opened and inspected, {by}"
        case Tunnel(closed=closed):
            return f"{(closed and closed.told) or f'not opened, {by}'}; what is inside passes unread"
        case Deny():
            return "refused"
    return None


def _trail(trail: Sequence[Step], default: str, all_rules: bool) -> Iterator[RenderableType]:
    failed = sum(not step.matched for step in trail)
    folded = 0 if all_rules else max(0, failed - _LAST_SHOWN)
    if folded:
        yield Text(f"… {folded} that do not match; --all shows them", "dim")
    table = columns("rule", "action", "where", "matches")
    for step in trail[folded:]:
        style = "" if step.matched else "dim"
        outcome = f"no: {step.failing}" if step.failing else "yes"
        table.add_row(*(said(cell, style) for cell in (step.rule.id or "-", step.action, place(step.rule), outcome)))
    if not trail[-1].matched:
        table.add_row("default", default)
    yield table


def _budgets(standings: Sequence[Standing]) -> Table:
    table = facts()
    for standing in standings:
        table.add_row(said(standing.account.rule), said(standing.told))
    table.add_row("then", f"denied, once {'it' if len(standings) == 1 else 'the first of them'} is used up")
    return table


def _otherwise(verdict: Verdict) -> str:
    does = "denied" if isinstance(verdict, Denied) else "allowed"
    if verdict.rule is None:
        return f"Without that rule it would be {does}: no other matches, and that is the default."
    return f"Without that rule it would be {does} by the next that matches, {named(verdict.rule)}."


def _fields(passage: Passage, all_headers: bool) -> Iterator[RenderableType]:
    by = f"by {passage.level_by}" if passage.level_by else "by the settings"
    yield _heading(f"Request fields, at anonymity level {passage.allowed.level}, {by}")
    if all_headers:
        yield from (Text("before", "dim"), _section(passage.before), Text("after", "dim"), _section(passage.after))
        return
    table = facts()
    for change in passage.changes:
        table.add_row(said(change.name), _changed(change.before, change.after))
    yield table if passage.changes else Text("None changes; --header 'Name: value' adds one to ask about.", "dim")


def _changed(before: str | None, after: str | None) -> Text:
    gone = said("absent" if before is None else before, "dim")
    return gone.append(" → ").append_text(said("dropped" if after is None else after))


def _section(fields: FieldSection) -> Table:
    table = facts()
    for name, value in fields:
        table.add_row(said(f"  {name.decode('latin-1')}"), said(value.decode("latin-1")))
    return table


def _cache(explanation: Explanation, passage: Passage) -> Iterator[RenderableType]:
    if explanation.key is None:
        return
    yield _heading("Cache")
    table = facts()
    table.add_row("key", said(explanation.key))
    for held in passage.held:
        table.add_row("stored", said(_held(held), "" if held.chosen or len(passage.held) == 1 else "dim"))
    if not passage.held:
        table.add_row("stored", "nothing")
    if passage.rules_ask_again:
        table.add_row("then", "rules on content_type are asked once the response is here")
    yield table


def _held(held: Held) -> str:
    stored, sums = held.stored, held.sums
    what = f"{stored.status}, {stored.content_bytes:,} bytes, age {duration(sums.current_age)}"
    if sums.basis == "none":
        return f"{what}, no lifetime; {held.use}"
    left = f"fresh for another {duration(sums.ttl)}" if sums.fresh else f"stale for {duration(sums.ttl)}"
    return f"{what}, lifetime {duration(sums.freshness_lifetime)} ({sums.basis}), {left}; {held.use}"
