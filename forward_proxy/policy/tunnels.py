"""Tunnels that nobody looks into: as what rules see them, and what becomes of them."""

from forward_proxy.access.parents import origin_via
from forward_proxy.access.rules import Denied
from forward_proxy.access.safesearch import asked_as
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import ip_literal
from forward_proxy.message.targets import TargetUri
from forward_proxy.policy.decisions import Deny, Tunnel
from forward_proxy.policy.opening import Opening
from forward_proxy.policy.pages import is_own
from forward_proxy.policy.state import State


def tunnel_subject(host: str, port: int, client: KnownClient, now: int) -> Subject:
    """A CONNECT as rules see it: no path, for nobody knows it."""
    return subject_of(RequestHead("CONNECT", TargetUri("https", host, port, "")), client, now)


def judged(subjects: tuple[Subject, ...], state: State, opening: Opening) -> Deny | Tunnel:
    """May a tunnel that goes by these names be relayed unread, and whom does it lead to?"""
    if own := next((subject.host for subject in subjects if is_own(subject.host)), None):
        reason = f"{own} is this proxy itself, which answers there in HTTP, and over TLS while it opens TLS (inspect)"
        return Deny(403, "http_request_denied", reason)
    verdict = state.access.decide_all(subjects)
    if isinstance(verdict, Denied):
        return Deny(403, "http_request_denied", verdict.reason, verdict.rule)
    engines = (asked_as(state.safe_search, subject) for subject in subjects)
    engine, closed = next(filter(None, engines), None), opening.closed(subjects)
    via = origin_via(state.origin_via, subjects[0])  # The host that CONNECT names is the one that is dialled.
    return Tunnel(verdict.rule, verdict.reason, verdict.accounts, engine, closed, via)


def looked_up(client: KnownClient, tunnel: tuple[str, int], target: TargetUri) -> bool:
    """Whether a tunnel leads to an address only because the client has looked up the name of this target itself.

    Many do before they ask by SOCKS.  The name is then asked for as ever, by whatever address it has here: so what
    comes is what this name answers, and what is stored under it.
    """
    address, port = tunnel
    by_address = client.by_socks and ip_literal(address) is not None
    return by_address and ip_literal(target.host) is None and port == target.port
