"""What was decided, in one plain sentence for the person who asked."""

from forward_proxy import caching
from forward_proxy.access.grants import PLACE
from forward_proxy.caching import Options, StoredResponse
from forward_proxy.explaining.rehearsal import Rehearsal
from forward_proxy.matching.subject import RuleRef
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy.decisions import Deny, Forward, Inspect, OwnPage, Purge, Serve, Tunnel, Validate


def sentence(rehearsal: Rehearsal) -> str:
    """The whole outcome, ending with a full stop."""
    decision = rehearsal.decision
    match decision:
        case Deny() if decision.by_policy:
            who = f" by {named(decision.rule)}" if decision.rule else ""
            status = "" if decision.surrogate else f" with {decision.status}"
            return _ended(f"Denied{status}{who}{_because(decision.reason)}")
        case Deny():
            return _ended(f"Refused with {decision.status} ({decision.error}): {decision.reason}")
        case Tunnel():
            unread = "the tunnel is relayed unread, so no rule sees the requests inside"
            return f"{_allowed(decision.rule, decision.reason)}; {unread}."
        case Inspect():
            return "Let through; the tunnel is opened, and each request inside is judged by itself."
        case OwnPage():
            return "Answered with a page of the proxy's own; the rules are not asked."
        case Purge(soft=soft):
            done = "made stale" if soft else "removed"
            return f"What is stored for it is {done}; the origin is not asked, and neither are the rules."
    return _ended(f"{_allowed(decision.allowed.rule, decision.allowed.reason)}; {_answered(decision)}")


def named(rule: RuleRef) -> str:
    """The rule by its id, if it has one, and its place; a grant by its number."""
    if rule.file == PLACE:
        return f"grant {rule.line}"
    return f"rule {rule.id} ({rule})" if rule.id else f"the rule at {rule}"


def use_of(request: RequestHead, stored: StoredResponse, now: int, options: Options) -> str:
    """What this stored response alone is good for: whether and why it may answer this request (RFC 9111 §4)."""
    sums = caching.freshness(stored, now, options)
    match caching.select(request, (stored,), now, options):
        case caching.Reuse():
            return "may be reused without asking" + ("" if sums.fresh else ", although it is stale")
        case caching.Validate(detail=detail):
            return f"has to be validated first: {detail}{_or_stands_in(request, stored, now, options)}"
        case caching.Miss(fwd="vary-miss", detail=detail):
            return f"does not fit: {detail}"
        case caching.Miss(fwd="stale" | "request", detail=detail):
            return f"has to be fetched anew: {detail}{_or_stands_in(request, stored, now, options)}"
        case caching.Miss(detail=detail):
            return f"cannot be used: {detail}"
        case caching.GatewayTimeout(reason=reason):
            return f"cannot be used: {reason}, and the request wants nothing from the origin"


def _or_stands_in(request: RequestHead, stored: StoredResponse, now: int, options: Options) -> str:
    """What it is good for all the same while nobody can be asked (RFC 9111 §4.2.4)."""
    reuse = caching.after_failure(request, (stored,), now, options, answered=False)
    return "; stands in while the origin cannot be reached" if reuse else ""


def _answered(decision: Forward | Validate | Serve) -> str:
    match decision:
        case Serve():
            return _served(decision)
        case Validate(detail=detail):
            return f"the origin is asked whether what is stored still holds: {detail}"
        case Forward(fwd="method"):
            return f"sent to the origin: {decision.allowed.request.method} is never answered from the cache"
        case Forward(fwd="bypass", detail=detail):
            return f"sent to the origin: the cache is not asked ({detail})"
        case Forward(detail=detail):
            return f"sent to the origin: {detail}"


def _served(serve: Serve) -> str:
    status = serve.delivery.head.status
    known = " since the client has it already" if status == 304 and serve.stored.status != 304 else ""
    why = f", stale as it is ({serve.detail})" if serve.fwd else f" ({serve.detail})" if serve.detail else ""
    return f"answered from the cache with {status}{known}{why}"


def _allowed(rule: RuleRef | None, reason: str) -> str:
    if rule is None:
        return "Allowed, as no rule matches"
    return f"Allowed by {named(rule)} ({reason})" if rule.file == PLACE else f"Allowed by {named(rule)}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
