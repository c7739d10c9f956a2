"""An explanation, or the verdict alone, as plain data for JSON.

`verdict` has the traffic log's meaning: what was refused for another reason than somebody's will, such as an address
that is not dialled, is "allowed" with a status and an `error` of RFC 9209 §2.3.
"""

from dataclasses import asdict
from typing import Any

from forward_proxy.access.budgets import Standing
from forward_proxy.access.modifying import Added
from forward_proxy.access.parents import Via
from forward_proxy.access.rules import Denied, Verdict
from forward_proxy.access.safesearch import AskedAs
from forward_proxy.caching import CacheKey, FreshnessSums
from forward_proxy.explaining.explanation import Explanation, Held, Passage
from forward_proxy.explaining.rehearsal import Rehearsal, rehearse
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.subject import RuleRef
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy.decisions import Deny, Forward, Inspect, Redirect, Serve, Tunnel, Validate
from forward_proxy.policy.door import Policy

_SUMS = tuple(FreshnessSums.__annotations__)


def verdict(policy: Policy, request: RequestHead, client: KnownClient, now: int) -> dict[str, Any]:
    """The verdict alone, for many requests at a time; what is stored is left out of account."""
    rehearsal = rehearse(policy, request, client, now)
    return {"url": str(request.target), **_outcome(rehearsal), "inspected": _inspected(rehearsal)}


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Everything an explanation holds."""
    subject, passage = explanation.subject, explanation.passage
    return {
        "sentence": explanation.sentence,
        "url": subject.url,
        **_outcome(explanation.rehearsal),
        "inspected": _inspected(explanation.rehearsal),
        "inspected_by": _text(explanation.tunnel_by),
        "not_inspected": _closed(explanation.rehearsal),
        "asked_as": _asked_as(explanation.asked_as),
        "via": _via(explanation.via),
        "request": asdict(subject) | {"client": str(subject.client)},
        "otherwise": _verdict(explanation.otherwise) if explanation.otherwise else None,
        "trail": [asdict(step) | {"rule": str(step.rule), "id": step.rule.id} for step in explanation.trail],
        "budgets": [_standing(standing) for standing in explanation.budgets],
        "tracking": _tracking(explanation),
        "anonymity": _anonymity(passage) if passage else None,
        "surrogate": explanation.decision.surrogate or None if isinstance(explanation.decision, Deny) else None,
        "added": [_added(each) for each in passage.allowed.added] if passage else [],
        "cache": _cache(explanation),
        "rules_ask_again": passage is not None and passage.rules_ask_again,
    }


def sums_as_data(sums: FreshnessSums) -> dict[str, Any]:
    """Every number of RFC 9111 §4.2 by its name, and what follows from them."""
    return {name: getattr(sums, name) for name in _SUMS} | {"fresh": sums.fresh, "ttl": sums.ttl}


def fields_as_data(fields: FieldSection) -> list[tuple[str, str]]:
    """Name and value of each line."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def _outcome(rehearsal: Rehearsal) -> dict[str, Any]:
    decision, first = rehearsal.decision, rehearsal.first
    denied = decision if isinstance(decision, Deny) else None
    source = denied or rehearsal.allowed or (first if isinstance(first, Tunnel | Redirect) else None)
    served = decision.delivery.head.status if isinstance(decision, Serve) else None
    return {
        "verdict": "denied" if denied and denied.by_policy else "allowed",
        "status": denied.status if denied else 307 if isinstance(decision, Redirect) else served,
        "error": denied.error if denied else None,
        "rule": _text(source.rule) if source else None,
        "rule_id": source.rule.id if source and source.rule else None,
        "reason": source.reason if source else "",
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "rule": standing.account.rule,
        "client": standing.account.client or None,
        "used": standing.used,
        "minutes": standing.limit,
        "left": standing.left,
        "new_at": standing.ends,
    }


def _asked_as(other: AskedAs | None) -> dict[str, Any] | None:
    return None if other is None else {"host": other.host, "by": str(other.where), "why": "safe search"}


def _via(via: Via | None) -> dict[str, Any] | None:
    return None if via is None else {"hops": [str(hop) for hop in via.route.hops], "by": str(via.where)}


def _verdict(found: Verdict) -> dict[str, Any]:
    return {
        "verdict": "denied" if isinstance(found, Denied) else "allowed",
        "rule": _text(found.rule),
        "rule_id": found.rule.id if found.rule else None,
        "reason": found.reason,
    }


def _added(added: Added) -> dict[str, Any]:
    return {
        "name": added.name.decode("ascii"),
        "value": added.value.decode("ascii"),
        "rule": _text(added.rule),
        "rule_id": added.rule.id,
    }


def _inspected(rehearsal: Rehearsal) -> bool | None:
    """Whether the TLS connection is opened; None where there is none."""
    return None if rehearsal.tunnel is None else isinstance(rehearsal.tunnel, Inspect)


def _closed(rehearsal: Rehearsal) -> str | None:
    """Why its TLS is not opened; None where it is, and where the settings open none."""
    closed = rehearsal.tunnel.closed if isinstance(rehearsal.tunnel, Tunnel) else None
    return (closed.told or None) if closed else None


def _anonymity(passage: Passage) -> dict[str, Any]:
    return {
        "level": str(passage.allowed.level),
        "by": _text(passage.level_by),
        "changes": [asdict(change) for change in passage.changes],
        "before": fields_as_data(passage.before),
        "after": fields_as_data(passage.after),
    }


def _tracking(explanation: Explanation) -> dict[str, Any] | None:
    cleaned = explanation.cleaned
    if cleaned is None:
        return None
    return {
        "location": cleaned.location,
        "redirected": isinstance(explanation.decision, Redirect),
        "left_alone": cleaned.left or None,
        "removed": [{"what": each.what, "by": str(each.by), "id": each.by.id} for each in cleaned.removed],
    }


def _cache(explanation: Explanation) -> dict[str, Any]:
    decision, passage = explanation.decision, explanation.passage
    told = decision if isinstance(decision, Forward | Validate | Serve) else None
    return {
        "key": _text(explanation.key),
        "hit": isinstance(decision, Serve) and decision.fwd is None,
        "fwd": told.fwd if told else None,
        "detail": (told.detail or None) if told else None,
        "stored": [_held(held) for held in passage.held] if passage else [],
    }


def _held(held: Held) -> dict[str, Any]:
    stored = held.stored
    return {
        "id": stored.id,
        "status": stored.status,
        "bytes": stored.content_bytes,
        "use": held.use,
        "chosen": held.chosen,
        **sums_as_data(held.sums),
    }


def _text(value: RuleRef | CacheKey | None) -> str | None:
    return None if value is None else str(value)
