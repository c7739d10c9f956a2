"""What goes back to the client: a stored response, the origin's, or a stale one in its place.

The anonymity edits are made before storing, so that nothing is stored that was not meant to be seen, and once more on
delivery, where the level may have changed since.  Age, Via and Cache-Status are added on delivery only.
"""

from dataclasses import replace

from forward_proxy import anonymity, caching
from forward_proxy.caching import CacheStatus, Options, Reuse
from forward_proxy.message.dates import format_date
from forward_proxy.message.fields import NO_EDITS, Edits, FieldSection
from forward_proxy.message.heads import ResponseHead
from forward_proxy.policy import hops
from forward_proxy.policy.decisions import NO_CHANGES, Allowed, Deny, Forward, Relay, Serve, StoreChanges, Validate

# Of RFC 9209 §2.3: nobody was there who could have said what holds now, so that the cache is disconnected (§4.2.4).
UNREACHABLE = frozenset(
    (
        "dns_timeout", "dns_error", "destination_unavailable", "destination_ip_unroutable", "connection_refused",
        "connection_timeout", "connection_terminated", "http_response_incomplete",
    )
)  # fmt: skip


def served(allowed: Allowed, reuse: Reuse, waited: str = "") -> Serve:
    """A reuse without asking the origin, or after another request has asked it (RFC 9211 §2.7)."""
    stored = reuse.stored
    detail = caching.applied(allowed.outbound, stored.fields, stored, allowed.caching_options)
    if reuse.validate_after:
        detail = _joined("stale, the origin is asked in the background", detail)
    if not waited:
        return _serve(allowed, reuse, CacheStatus(hit=True, ttl=reuse.ttl, detail=detail), detail=detail)
    said = CacheStatus(fwd=waited, ttl=reuse.ttl, collapsed=True, detail=detail)
    detail = _joined("waited for the answer to the same request", detail)
    return replace(_serve(allowed, reuse, said, waited, detail), instead="collapsed")


def answered(
    sent: Forward | Validate, response: ResponseHead, request_at: int, response_at: int, storing: Options
) -> Deny | Serve | Relay:
    """What the origin's response means for the client and for the store; `storing` are the options for this response,
    those of the exchange are for what is stored."""
    allowed, options = sent.allowed, sent.allowed.caching_options
    anonymised = anonymity.response_edits(allowed.level, allowed.request, response, allowed.subject)
    cleaning = hops.response_hops(response) | anonymised
    cleaned = response.edited(cleaning)
    if response.status in caching.FAILURES:
        detail = f"the origin answered {response.status}"
        if stale := _in_place(sent, response_at, detail, response.status, answered=True):
            return stale
    if isinstance(sent, Validate):
        meaning = caching.after_validation(
            allowed.outbound, sent.candidates, cleaned, request_at=request_at, response_at=response_at, options=options
        )
        match meaning:
            case caching.Freshened():
                return _validated(sent, meaning, response.status)
            case caching.AskAgain():
                # The client may simply ask again: with nothing stored, that goes out without our validators.
                changes = StoreChanges(outdated=sent.candidates)
                reason = "the origin's 304 is about something else than was asked"
                return Deny(502, "http_protocol_error", reason, None, allowed.subject.resource, changes)
            case caching.PassOn():
                pass
    return _relayed(sent, cleaned, cleaning, anonymised, request_at, response_at, storing)


def stood_in(sent: Forward | Validate, status: int, error: str, now: int) -> Serve | None:
    """A stale stored response in place of an origin that gave none, for this error of RFC 9209 §2.3 and the status it
    would be told with; None when nothing may stand in."""
    if status not in caching.FAILURES:  # Then it was refused here.
        return None
    answered = error not in UNREACHABLE
    fails = "the origin fails" if answered else "the origin cannot be reached"
    return _in_place(sent, now, f"{fails}: {error}", answered=answered)


def offline(sent: Forward | Validate, now: int) -> Serve | None:
    """A stored response in place of an origin that is not to be asked; None when nothing may stand in."""
    return _in_place(sent, now, "offline, so that the origin is not asked", answered=False)


def _in_place(
    sent: Forward | Validate, now: int, detail: str, status: int | None = None, *, answered: bool
) -> Serve | None:
    """`status` is what the origin answered with, if it did."""
    allowed = sent.allowed
    reuse = caching.after_failure(allowed.outbound, sent.candidates, now, allowed.caching_options, answered=answered)
    if reuse is None:
        return None
    said = CacheStatus(fwd=sent.fwd, fwd_status=status, ttl=reuse.ttl, detail=detail)
    return replace(_serve(allowed, reuse, said, sent.fwd, detail), instead="stale")


def _validated(sent: Validate, meaning: caching.Freshened, status: int) -> Serve:
    stored = meaning.reuse.stored
    changes = (
        StoreChanges(freshened=(stored, *meaning.also))
        if meaning.keep
        else StoreChanges(freshened=meaning.also, outdated=(stored,))
    )
    allowed = sent.allowed
    detail = _joined(sent.detail, caching.applied(allowed.outbound, stored.fields, stored, allowed.caching_options))
    said = CacheStatus(fwd=sent.fwd, fwd_status=status, ttl=meaning.reuse.ttl, stored=meaning.keep, detail=detail)
    return _serve(allowed, meaning.reuse, said, sent.fwd, detail, changes, FieldSection(meaning.for_client))


def _relayed(
    sent: Forward | Validate,
    cleaned: ResponseHead,
    cleaning: Edits,
    anonymised: Edits,
    request_at: int,
    response_at: int,
    options: Options,
) -> Relay:
    allowed = sent.allowed
    request = allowed.outbound
    verdict = caching.may_store(request, cleaned, request_at=request_at, response_at=response_at, options=options)
    storing = verdict.stored if isinstance(verdict, caching.Storable) and sent.fwd != "bypass" else None
    if storing is not None:
        why = caching.applied(request, cleaned.fields, storing, options)
    else:
        why = verdict.reason if isinstance(verdict, caching.NotStorable) else ""
    detail = _joined(sent.detail, why)
    changes = StoreChanges(invalidated=caching.invalidated(request, cleaned))
    if request.method == "HEAD" and isinstance(sent, Validate):
        update = caching.after_head(
            request, sent.candidates, cleaned, request_at=request_at, response_at=response_at, options=options
        )
        changes = StoreChanges(update.freshened, update.outdated, changes.invalidated)
    marks = _marks(cleaned.fields, CacheStatus(fwd=sent.fwd, stored=storing is not None, detail=detail))
    edits = cleaning | _dated(cleaned.fields, response_at) | _added(allowed, cleaned.fields, cleaned.status) | marks
    return Relay(allowed, sent.fwd, edits, anonymised, storing, detail, changes)


def _serve(
    allowed: Allowed,
    reuse: Reuse,
    said: CacheStatus,
    fwd: str | None = None,
    detail: str = "",
    changes: StoreChanges = NO_CHANGES,
    for_client: FieldSection | None = None,
) -> Serve:
    delivery = caching.deliver(allowed.request, reuse, said)
    head = delivery.head
    edits = anonymity.response_edits(allowed.level, allowed.request, head, allowed.subject)
    cleaned = head.fields.edited(edits)
    head = head.edited(edits | _added(allowed, cleaned, reuse.stored.status) | hops.via(head.fields))
    if for_client:
        head = ResponseHead(head.status, FieldSection((*head.fields, *for_client)))
    delivery = replace(delivery, head=head)
    return Serve(allowed, reuse.stored, delivery, fwd, detail, changes, reuse.until, reuse.validate_after)


def _joined(*details: str) -> str:
    return "; ".join(filter(None, details))


def _dated(fields: FieldSection, response_at: int) -> Edits:
    """The time of receipt as Date for a response that has none (RFC 9110 §6.6.1)."""
    return NO_EDITS if b"date" in fields else Edits(((b"date", format_date(response_at)),))


def _added(allowed: Allowed, fields: FieldSection, status: int) -> Edits:
    """What lists add, as further lines: of several policies each has to be kept (W3C CSP Level 3 §8.1).

    An origin's 304 that does not repeat the site's own policies gets none: the client would put ours in the place of
    what it has stored, the site's and ours (RFC 9111 §3.2).
    """
    added = [each for each in allowed.added if status != 304 or each.name in fields]
    if not added:
        return NO_EDITS
    before = ((name, value) for name in {each.name: None for each in added} for value in fields.get_all(name))
    return Edits((*before, *((each.name, each.value) for each in added)))


def _marks(fields: FieldSection, said: CacheStatus) -> Edits:
    """Via and Cache-Status, each after those of the hops before us."""
    return Edits(hops.via(fields).set + caching.cache_status_lines(fields, said))
