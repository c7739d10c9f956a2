"""The one door both drivers knock on: access, cleaning, anonymity, caching, then the response on its way back.

Every method is a pure function of what it is given and of the immutable `State`.  Deciding twice is harmless.
"""

from dataclasses import replace
from typing import Literal

from forward_proxy import anonymity, caching, cleaning
from forward_proxy.access import modifying
from forward_proxy.access import targets as access_targets
from forward_proxy.access.parents import origin_via
from forward_proxy.access.rules import Denied
from forward_proxy.access.safesearch import asked_as
from forward_proxy.anonymity import Level
from forward_proxy.caching import StoredResponse
from forward_proxy.cleaning import Cleaned, Tracking, lists_among
from forward_proxy.matching.choice import first_match
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import same_client, subject_of, with_response
from forward_proxy.message.fields import Edits
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.hosts import IPAddress, canonical_host
from forward_proxy.message.targets import TargetUri
from forward_proxy.policy import hops, interim, onboarding, purging, returning, tunnels, unblocking
from forward_proxy.policy.authentication import Authenticating
from forward_proxy.policy.decisions import (
    Allowed,
    Deny,
    Forward,
    Inspect,
    Lookup,
    OwnPage,
    Purge,
    Redirect,
    Refused,
    Relay,
    Serve,
    Tunnel,
    Validate,
)
from forward_proxy.policy.opening import Opening
from forward_proxy.policy.overrides import Overrides
from forward_proxy.policy.pages import HOST, is_setup_host
from forward_proxy.policy.refusals import Refusal
from forward_proxy.policy.state import State

# What becomes of a page that a person goes to under a target that is not clean: it is shown under the clean one; the
# clean one is asked for without a word, as for any part of a page; or it is left as it is.
type Navigations = Literal["redirected", "cleaned", "kept"]

# Rules know the time by the minute, and minutes are what budgets have: within one, the same request is judged the same.
CLOCK_STEP_S = 60


class Policy:
    """Decides; knows the state it was built with and nothing else."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._overrides = Overrides(state.cache, state.caching_options)
        self._opening = Opening(state.inspect, state.inspect_by_default, state.access, state.passing_through)
        self._tracking = Tracking(state.tracking, lists_among(state.access.rules))
        of_request = (state.anonymity, state.cache, state.origin_via, state.safe_search, state.tracking)
        self._users = Authenticating(state.authentication, state.access, (state.inspect,), of_request)

    def on_connect(self, authority: tuple[str, int], client: KnownClient, now: int) -> Deny | Inspect | Tunnel:
        """May this client have a tunnel, and is it opened?

        A denied host that is inspected is denied inside, where the person can read why.
        """
        host, port = authority
        name = canonical_host(host)
        if name is None or not 0 < port < 65536:
            return Deny(400, "http_request_error", "CONNECT names no host and port")
        options = self.state.access_options
        refusal = access_targets.judge_client(client.address, options)
        if refusal := refusal or access_targets.judge_connect_port(port, options, by_socks=client.by_socks):
            return Deny(403, refusal.error, refusal.reason)
        client = self._users.current(client)
        if refused := self._unnamed((tunnels.tunnel_subject(name, port, client, now),), client, inside=False):
            return refused
        return self.on_hello((name,), port, client, now)

    def on_hello(self, names: tuple[str, ...], port: int, client: KnownClient, now: int) -> Deny | Inspect | Tunnel:
        """A TLS connection inside CONNECT: `names` are the CONNECT host and the server name, canonical."""
        client = self._users.current(client)
        subjects = tuple(tunnels.tunnel_subject(name, port, client, now) for name in names)
        if refused := self._unnamed(subjects, client, inside=True):
            return refused
        return (
            Inspect() if self._opening.closed(subjects) is None else tunnels.judged(subjects, self.state, self._opening)
        )

    def on_opaque(self, names: tuple[str, ...], port: int, client: KnownClient, now: int) -> Deny | Tunnel:
        """Bytes inside CONNECT that nobody can answer inside: TLS that is not opened, or no HTTP."""
        client = self._users.current(client)
        subjects = tuple(tunnels.tunnel_subject(name, port, client, now) for name in names)
        return self._unnamed(subjects, client, inside=True) or tunnels.judged(subjects, self.state, self._opening)

    def on_refusal(self, names: tuple[str, ...], port: int, client: KnownClient, why: str, now: int) -> Refused:
        """The client has refused the certificate shown for these names, which `why` says in words."""
        client = self._users.current(client)
        return self._opening.refused(tuple(tunnels.tunnel_subject(name, port, client, now) for name in names), why)

    def standing(self, refusal: Refusal, now: int) -> str:
        """What becomes of the next connection of the client that refused a certificate, in words for an operator."""
        return self._opening.standing(tunnels.tunnel_subject(refusal.host, 443, KnownClient(refusal.client), now))

    def on_request(
        self,
        head: RequestHead,
        client: KnownClient,
        names: tuple[str, ...],
        now: int,
        tunnel: tuple[str, int] | None = None,
        navigations: Navigations = "redirected",
    ) -> Deny | Redirect | Lookup | Forward | Purge | OwnPage:
        """`names` are the other canonical hosts that this request came under, server name and Host; `tunnel` is
        canonical host and port of the CONNECT it came in."""
        if tunnel is not None and tunnels.looked_up(client, tunnel, head.target):
            names = (*names, tunnel[0])
        elif tunnel is not None and (head.target.host, head.target.port) != tunnel:
            # RFC 9110 §15.5.20: another host's answer must not be judged or stored under this name.
            leads, asked = (f"{host}:{port}" for host, port in (tunnel, (head.target.host, head.target.port)))
            return Deny(421, "http_request_error", f"this tunnel leads to {leads}, not to {asked}")
        client = self._users.current(client)
        subjects = _subjects(head, client, names, now)
        subject = subjects[0]
        if refusal := access_targets.judge_client(client.address, self.state.access_options):
            return Deny(403, refusal.error, refusal.reason, resource=subject.resource)
        is_site = onboarding.is_site(head, client, self.state.onboarding)
        welcome = is_site and self.state.onboarding.welcomes(client.address)
        if not welcome and (refused := self._users.of_request(subjects, client, inside=tunnel is not None)):
            return refused
        if is_site:
            return onboarding.answer(head, subject, client, self.state.onboarding, self.state.pac)
        if head.target.host == HOST:
            if unblocking.tells_budgets(head) and (
                refused := self._users.of_own_page(subject, client, inside=tunnel is not None)
            ):
                return refused
            own = unblocking.on_page(head, subject, client.address, now, self.state.unblocking, self.state.access)
            if own is not None:
                return own
        if head.method == purging.METHOD:
            got = RequestHead("GET", head.target, head.fields)
            key = self._key(got, subject_of(got, client, now))
            return purging.judge_purge(head, subject, client.address, self.state.access_options, key)
        if head.method in hops.COUNTED and head.fields.get(b"max-forwards") == b"0":
            return Deny(405, "http_request_error", f"Max-Forwards of this {head.method} is used up")
        verdict = self.state.access.decide_all(subjects)
        if isinstance(verdict, Denied):
            return self._denied(verdict, subject, client.address)
        level = self.level_for(subject)
        cleaned = self.cleaned(head, subject, navigations)
        if cleaned is not None and navigations == "redirected" and cleaning.navigates(head):
            return Redirect(subject, cleaned, verdict.rule, verdict.reason)
        if cleaned is not None:
            head = replace(head, target=cleaned.target)
            subjects = _subjects(head, client, names, now)  # What goes out is what was judged.
            subject = subjects[0]
            if refused := self._users.of_request(subjects, client, inside=tunnel is not None):
                return refused
            verdict = self.state.access.decide_all(subjects)
            if isinstance(verdict, Denied):
                return self._denied(verdict, subject, client.address)
        anonymised = anonymity.request_edits(level, head, subject)
        edits = hops.request_hops(head) | hops.request_via(head, level) | anonymised
        options = self._overrides.of_request(subject)
        outbound = head.edited(edits)
        added, safe = modifying.additions(self.state.access, subject), asked_as(self.state.safe_search, subject)
        via = origin_via(self.state.origin_via, subject)
        said = verdict.rule, verdict.reason, verdict.accounts, added, safe, cleaned, via
        allowed = Allowed(subject, head, outbound, level, options, edits, anonymised, *said)
        plan = self._planned(allowed)
        return self._offline(plan) if self.state.offline and isinstance(plan, Forward) else plan

    def on_stored(
        self, lookup: Lookup, candidates: tuple[StoredResponse, ...], now: int, waited: str = ""
    ) -> Serve | Validate | Forward | Deny:
        """What the stored responses under this key are good for (RFC 9111 §4).

        `waited` is why this request would have been forwarded, had it not waited for the answer to another one.
        """
        lookup = self._answerable(lookup, candidates, now)
        allowed = lookup.allowed
        match caching.select(allowed.outbound, candidates, now, allowed.caching_options):
            case caching.Reuse() as reuse:
                return returning.served(allowed, reuse, waited)
            case caching.Validate() | caching.Miss() as asking:
                sent = _asking(lookup, asking)
                return returning.offline(sent, now) or self._offline(sent) if self.state.offline else sent
            case caching.GatewayTimeout() as timeout:
                # RFC 9209 has no word for it; only-if-cached is a wish of the client's that cannot be met.
                return Deny(
                    504, "http_request_error", f"only-if-cached: {timeout.reason}", None, allowed.subject.resource
                )

    def on_refresh(self, lookup: Lookup, candidates: tuple[StoredResponse, ...], now: int) -> Validate | Forward | Deny:
        """How to ask the origin about what is stored before it is wanted; offline, not at all."""
        lookup = self._answerable(lookup, candidates, now)
        allowed = lookup.allowed
        sent = _asking(lookup, caching.revalidation(allowed.outbound, candidates, now, allowed.caching_options))
        return self._offline(sent) if self.state.offline else sent

    def on_response(
        self, sent: Forward | Validate, response: ResponseHead, request_at: int, response_at: int
    ) -> Deny | Serve | Relay:
        """The origin's final response head: deny it by its type, serve what it validated, or relay it."""
        allowed = sent.allowed
        if response.status == 101 and not (
            hops.is_websocket(allowed.outbound.fields) and hops.is_websocket(response.fields)
        ):
            # RFC 9110 §7.8: it answers an Upgrade; else what follows would pass unjudged.
            reason = "the origin switched protocols unasked"
            return Deny(502, "http_protocol_error", reason, None, allowed.subject.resource)
        if self.state.access.needs_response:
            verdict = self.state.access.decide(with_response(allowed.subject, response))
            if isinstance(verdict, Denied):
                return self._denied(verdict, allowed.subject, allowed.subject.client)
        storing = self._overrides.of_response(allowed.caching_options, allowed.subject, response)
        decision = returning.answered(sent, response, request_at, response_at, storing)
        if (self._overrides.any_keys or self._tracking) and decision.changes.invalidated:
            keyed = self._keyed(decision.changes.invalidated, allowed)
            return replace(decision, changes=replace(decision.changes, invalidated=keyed))
        return decision

    def on_interim(self, sent: Forward | Validate, response: ResponseHead, client_version: str) -> Edits | None:
        """What changes in an interim response of the origin's before it goes on; None when it goes no further."""
        return interim.passed_on(sent.allowed, response, client_version)

    def on_failure(self, sent: Forward | Validate, status: int, error: str, detail: str, now: int) -> Deny | Serve:
        """The origin gave no response; `error` is of RFC 9209 §2.3.  Something stale may stand in (§4.2.4)."""
        stale = returning.stood_in(sent, status, error, now)
        later = status in caching.FAILURES and error in returning.UNREACHABLE and _is_worth_asking_again(sent)
        return stale or Deny(status, error, detail, None, sent.allowed.subject.resource, later=later)

    def steady_until(self, now: int) -> int:
        """Before this second the same request is judged as at `now`, as far as grants and the time of day go."""
        return min((now // CLOCK_STEP_S + 1) * CLOCK_STEP_S, self.state.access.grants.next_end(now))

    def cleaned(self, head: RequestHead, subject: Subject, navigations: Navigations = "redirected") -> Cleaned | None:
        """What becomes of the request's target; None when it stays as it is."""
        cleaned = self.considered(head, subject, navigations)
        return None if cleaned is None or cleaned.left else cleaned

    def considered(
        self, head: RequestHead, subject: Subject, navigations: Navigations = "redirected"
    ) -> Cleaned | None:
        """The same, and what would become of it if it were not left alone."""
        if not self._tracking.concerns(head) or self.level_for(subject) is Level.OFF:
            return None
        navigation = cleaning.navigates(head)
        if navigation and navigations == "kept":
            return None
        return self._tracking.clean(head, subject, navigation=navigation and navigations == "redirected")

    def level_for(self, subject: Subject) -> Level:
        choice = first_match(self.state.anonymity, subject)
        return choice.value if choice else self.state.default_level

    def _planned(self, allowed: Allowed) -> Lookup | Forward:
        if allowed.asked_as is not None:
            # Another answer under the same URI: whoever is not locked must not get it, nor the other way round.
            return Forward(allowed, "bypass", str(allowed.asked_as))
        if not self.state.cache_by_default:
            return Forward(allowed, "bypass", "the cache is off")
        options = allowed.caching_options
        if options.override is not None and options.override.bypass:
            return Forward(allowed, "bypass", f"bypass by {options.override.where}")
        plan = caching.request_plan(allowed.outbound, options)
        if isinstance(plan, caching.Bypass):
            return Forward(allowed, plan.fwd, plan.detail)
        return Lookup(allowed, plan)

    def caching_options(
        self, head: RequestHead, client: KnownClient, now: int, stored: StoredResponse | None = None
    ) -> caching.Options:
        """With which options responses to such a request, or this one, are kept, whether or not rules allow it."""
        subject = subject_of(head, client, now)
        options = self._overrides.of_request(subject)
        if stored is None:
            return options
        return self._overrides.of_response(options, subject, ResponseHead(stored.status, stored.fields))

    def _answerable(self, lookup: Lookup, held: tuple[StoredResponse, ...], now: int) -> Lookup:
        """The look-up with the options for what may answer it."""
        allowed = lookup.allowed
        options = self._overrides.of_stored(allowed.caching_options, allowed.subject, allowed.outbound, held, now)
        if options is allowed.caching_options:
            return lookup
        return replace(lookup, allowed=replace(allowed, caching_options=options))

    def _keyed(self, targets: tuple[TargetUri, ...], allowed: Allowed) -> tuple[TargetUri, ...]:
        """These targets, and those that they are stored under."""
        keyed = dict.fromkeys(targets)
        for target in targets:
            head = RequestHead("GET", target, allowed.outbound.fields)
            asked = subject_of(head, None, allowed.subject.at)
            keyed[self._key(head, same_client(asked, allowed.subject)).target] = None
        return tuple(keyed)

    def _key(self, head: RequestHead, subject: Subject) -> caching.CacheKey:
        """What the answer to this GET is stored under."""
        if (cleaned := self.cleaned(head, subject, "cleaned")) is not None:
            head = replace(head, target=cleaned.target)
            subject = same_client(subject_of(head, None, subject.at), subject)
        return caching.key_of(head, self._overrides.of_request(subject))

    def _offline(self, sent: Forward | Validate) -> Deny:
        reason = "offline, and nothing stored will do" if sent.key else "offline, and this is never stored"
        later = _is_worth_asking_again(sent)
        return Deny(504, "destination_unavailable", reason, None, sent.allowed.subject.resource, later=later)

    def _denied(self, verdict: Denied, subject: Subject, client: IPAddress | None) -> Deny:
        offer = "" if client is None else unblocking.offered(self.state.unblocking, client, verdict.rule)
        replaced = modifying.replaced(self.state.access, subject)
        reason, surrogate = verdict.reason, replaced.surrogate if replaced else ""
        if replaced is not None:
            by = f" ({replaced.rule})" if replaced.rule != verdict.rule else ""
            reason = "; ".join(filter(None, (reason, f"answered with the surrogate {surrogate}{by}")))
        return Deny(
            200 if replaced else 403,
            "http_request_denied",
            reason,
            verdict.rule,
            subject.resource,
            page=subject.page,
            offer=offer,
            surrogate=surrogate,
        )

    def _unnamed(self, subjects: tuple[Subject, ...], client: KnownClient, *, inside: bool) -> Deny | None:
        """The answer to a tunnel of somebody who has to say who it is; None when that is known, or does not matter."""
        is_site = all(is_setup_host(subject.host) for subject in subjects)
        if is_site and self.state.onboarding.welcomes(client.address):
            return None
        return self._users.of_tunnel(subjects, client, inside=inside)


def _asking(lookup: Lookup, asking: caching.Validate | caching.Miss) -> Validate | Forward:
    if isinstance(asking, caching.Miss):
        return Forward(lookup.allowed, asking.fwd, asking.detail, lookup.key, asking.candidates)
    return Validate(lookup.allowed, asking.fwd, asking.edits, asking.candidates, asking.detail, lookup.key)


def _is_worth_asking_again(sent: Forward | Validate) -> bool:
    """Whether somebody may want the answer still when it comes late: the whole of what a person or a program asked for.

    What a page asks for is not: it could ask for anything, and for very much.  Nor is what somebody asks for under a
    name, which is kept nowhere but in the log.
    """
    request = sent.allowed.request
    part_of_a_page = request.fields.get(b"sec-fetch-dest") not in (None, b"document")
    if part_of_a_page or sent.allowed.subject.user is not None:
        return False
    return sent.key is not None and request.method == "GET" and b"range" not in request.fields


def _subjects(head: RequestHead, client: KnownClient, names: tuple[str, ...], now: int) -> tuple[Subject, ...]:
    """The request under its own name, and then under the others it came under."""
    subject = subject_of(head, client, now)
    return (subject, *(_renamed(subject, name) for name in names if name != subject.host))


def _renamed(subject: Subject, name: str) -> Subject:
    """The same request under another of its names."""
    return replace(subject, host=name, url=subject.url.replace(subject.host, name, 1))
