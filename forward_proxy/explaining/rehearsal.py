"""What would become of this request?  Every phase up to the network, rehearsed at the door the drivers knock on.

An https URL is asked for as a browser does: through a tunnel, which comes first and may settle the matter.  What a
name resolves to cannot be known here; a target that is an address already is judged as it would be before dialling.
"""

from collections.abc import Callable
from dataclasses import dataclass

from forward_proxy.access.targets import judge_address
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import ip_literal
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

type Candidates = Callable[[CacheKey], tuple[StoredResponse, ...]]
type Decision = Deny | Inspect | Tunnel | Forward | Purge | OwnPage | Redirect | Validate | Serve


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was decided at each phase, None for one that was not reached; `decision` is the last word.

    `first` is the phase that asks the rules, and `held` what the store has under the key of a `Lookup`.
    """

    decision: Decision
    first: Deny | Inspect | Tunnel | Lookup | Forward | Purge | OwnPage | Redirect
    tunnel: Deny | Inspect | Tunnel | None = None
    held: tuple[StoredResponse, ...] = ()

    @property
    def allowed(self) -> Allowed | None:
        """The request that was let past the rules, with its edits; None for a tunnel and for what they denied."""
        return self.first.allowed if isinstance(self.first, Lookup | Forward) else None


def nothing_stored(_: CacheKey) -> tuple[StoredResponse, ...]:
    return ()


def rehearse(
    policy: Policy, request: RequestHead, client: KnownClient, now: int, candidates: Candidates = nothing_stored
) -> Rehearsal:
    """The decisions on this request; `candidates` is the storage's look-up.  Never raises of itself."""
    target, tunnel = request.target, None
    if target.scheme == "https" or request.method == "CONNECT":
        tunnel = policy.on_connect((target.host, target.port), client, now)
        if request.method == "CONNECT" or not isinstance(tunnel, Inspect):
            return Rehearsal(_after_dialling(policy, tunnel, request, client, now), tunnel, tunnel)
    first = policy.on_request(request, client, (), now)
    if not isinstance(first, Lookup):
        return Rehearsal(_after_dialling(policy, first, request, client, now), first, tunnel)
    held = candidates(first.key)
    decision = _after_dialling(policy, policy.on_stored(first, held, now), request, client, now)
    return Rehearsal(decision, first, tunnel, held)


def _after_dialling(
    policy: Policy, decision: Decision, request: RequestHead, client: KnownClient, now: int
) -> Decision:
    """The decision, unless it leads to an address that is not dialled for this client."""
    address = ip_literal(request.target.host)
    if address is None or not isinstance(decision, Tunnel | Forward | Validate):
        return decision
    prohibited = judge_address(address, client.address, policy.state.access_options)
    if prohibited is None:
        return decision
    if isinstance(decision, Tunnel):
        return Deny(403, prohibited.error, prohibited.reason)
    return policy.on_failure(decision, 403, prohibited.error, prohibited.reason, now)
