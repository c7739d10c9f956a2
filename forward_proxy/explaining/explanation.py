"""Why would this request be answered as it would?  Every step the policy takes, in the order it takes them.

A rehearsal, and what the drivers have no use for: the rules that did not match, the fields before and after, who chose
the level, the sums of RFC 9111 §4.2.  `candidates` is the storage's look-up, so this stays without effect.
"""

from dataclasses import dataclass

from forward_proxy import caching
from forward_proxy.access.budgets import Account, Standing
from forward_proxy.access.parents import Via
from forward_proxy.access.rules import Denied, Step, Verdict
from forward_proxy.access.safesearch import AskedAs
from forward_proxy.anonymity import changed
from forward_proxy.caching import CacheKey, FreshnessSums, StoredResponse
from forward_proxy.cleaning import Cleaned
from forward_proxy.explaining.rehearsal import Candidates, Decision, Rehearsal, rehearse
from forward_proxy.explaining.sentences import sentence, use_of
from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy.decisions import (
    Allowed,
    Deny,
    Forward,
    Inspect,
    Lookup,
    OwnPage,
    Purge,
    Redirect,
    Serve,
    Tunnel,
    Validate,
)
from forward_proxy.policy.door import Policy
from forward_proxy.policy.state import State
from forward_proxy.policy.tunnels import tunnel_subject


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of the request on its way out; None where it is absent."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A response under the request's key: its sums, what it is good for, and whether the answer rests on it."""

    stored: StoredResponse
    sums: FreshnessSums
    use: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """What becomes of a request that the rules let past.

    `level_by` is None when the settings chose the level.  `rules_ask_again` when there are rules about the response
    and one is to come from the origin.
    """

    allowed: Allowed
    level_by: RuleRef | None
    before: FieldSection
    after: FieldSection
    changes: tuple[FieldChange, ...]
    held: tuple[Held, ...]
    rules_ask_again: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One request as the policy sees and decides it.

    `subject` is what the rules saw, a bare tunnel when it is not opened; `trail` is empty when no rule was asked.
    `otherwise` is the verdict if the rule that decided were not there, None when none did.
    `tunnel_by` is None when the settings say whether TLS is opened.  `budgets` are those that it uses.  `cleaned` is
    what becomes of the target, or what would, were it not left alone.
    """

    rehearsal: Rehearsal
    sentence: str
    subject: Subject
    trail: tuple[Step, ...]
    otherwise: Verdict | None
    tunnel_by: RuleRef | None
    passage: Passage | None
    budgets: tuple[Standing, ...] = ()
    cleaned: Cleaned | None = None

    @property
    def decision(self) -> Decision:
        return self.rehearsal.decision

    @property
    def asked_as(self) -> AskedAs | None:
        """Whom the origin is asked as, where that is another host."""
        first = self.rehearsal.first
        source = first if isinstance(first, Tunnel) else self.rehearsal.allowed
        return source.asked_as if source else None

    @property
    def via(self) -> Via | None:
        """By which way the origin is reached, where an entry says so."""
        first = self.rehearsal.first
        source = first if isinstance(first, Tunnel) else self.rehearsal.allowed
        return source.via if source else None

    @property
    def key(self) -> CacheKey | None:
        return self.rehearsal.first.key if isinstance(self.rehearsal.first, Lookup) else None


def explain(policy: Policy, request: RequestHead, client: KnownClient, now: int, candidates: Candidates) -> Explanation:
    """The whole trail; nothing is dialled.  Raises only what `candidates` raises."""
    rehearsal = rehearse(policy, request, client, now, candidates)
    target, state = request.target, policy.state
    in_tunnel = tunnel_subject(target.host, target.port, client, now)
    subject = in_tunnel if rehearsal.first is rehearsal.tunnel else subject_of(request, client, now)
    trail = _trail(state, rehearsal, subject)
    return Explanation(
        rehearsal,
        sentence(rehearsal),
        subject,
        trail,
        state.access.otherwise(subject) if trail and trail[-1].matched else None,
        _where(first_match(state.inspect, in_tunnel)) if state.inspect_by_default else None,
        None if rehearsal.allowed is None else _passage(state, rehearsal, rehearsal.allowed, now),
        tuple(state.access.standing(account, now) for account in _accounts(rehearsal)),
        _cleaned(policy, rehearsal, request, subject),
    )


def _cleaned(policy: Policy, rehearsal: Rehearsal, request: RequestHead, subject: Subject) -> Cleaned | None:
    if isinstance(rehearsal.first, Redirect):
        return rehearsal.first.cleaned
    allowed = rehearsal.allowed
    return None if allowed is None else allowed.cleaned or policy.considered(request, subject)


def _trail(state: State, rehearsal: Rehearsal, subject: Subject) -> tuple[Step, ...]:
    """The rules as they were tried: none for a tunnel that is opened, or for a refusal that comes before them."""
    first = rehearsal.first
    if isinstance(first, Inspect | Purge | OwnPage):
        return ()
    if isinstance(first, Deny):
        said = state.access.decide(subject)
        # The door may add to the reason what was put in place.
        if not isinstance(said, Denied) or said.rule != first.rule or not first.reason.startswith(said.reason):
            return ()
    return state.access.trail(subject)


def _accounts(rehearsal: Rehearsal) -> tuple[Account, ...]:
    """Whose budgets it uses."""
    if isinstance(rehearsal.decision, Deny):
        return ()
    let_through = rehearsal.allowed or (rehearsal.first if isinstance(rehearsal.first, Tunnel) else None)
    return let_through.accounts if let_through else ()


def _passage(state: State, rehearsal: Rehearsal, allowed: Allowed, now: int) -> Passage:
    decision = rehearsal.decision
    # What is stored may have more to say than the request alone.
    told = decision.allowed if isinstance(decision, Forward | Validate | Serve) else allowed
    edits = allowed.edits | decision.edits if isinstance(decision, Validate) else allowed.edits
    before, after = allowed.request.fields, allowed.request.fields.edited(edits)
    return Passage(
        allowed,
        _where(first_match(state.anonymity, allowed.subject)),
        before,
        after,
        tuple(FieldChange(name, _value(before, name), _value(after, name)) for name in changed(before, edits)),
        tuple(_held(stored, decision, allowed.outbound, now, told.caching_options) for stored in rehearsal.held),
        state.access.needs_response and not isinstance(decision, Deny | Serve),
    )


def _held(stored: StoredResponse, decision: Decision, request: RequestHead, now: int, options: caching.Options) -> Held:
    served = isinstance(decision, Serve) and decision.stored == stored
    asked_about = isinstance(decision, Validate) and stored in decision.candidates
    use = use_of(request, stored, now, options)
    return Held(stored, caching.freshness(stored, now, options), use, served or asked_about)


def _where[T](choice: Choice[T] | None) -> RuleRef | None:
    return choice.where if choice else None


def _value(fields: FieldSection, name: str) -> str | None:
    value = fields.get(name.encode("latin-1"))
    return None if value is None else value.decode("latin-1")
