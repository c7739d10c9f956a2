"""What the traffic log remembers of an exchange that the lane answered: the same record driver 1 would have made."""

from dataclasses import replace

from forward_proxy.access.rules import Denied
from forward_proxy.anonymity import changed
from forward_proxy.fastlane.requests import Connect, Plain
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Answer, Deny, Serve
from forward_proxy.traffic.record import Record


def denied(
    plain: Plain, deny: Deny, answer: Answer, client: str, known: KnownClient, now: float, *, inside_tls: bool
) -> Record:
    """A refusal by a rule, or an error that the policy foresaw."""
    request = plain.request
    error = None if deny.by_policy else deny.error
    rule = deny.rule
    return Record(
        started_at=now,
        first_byte_at=now,
        ended_at=now,
        client=client,
        method=request.method,
        target=str(request.target),
        host=request.target.host,
        outcome="denied" if deny.by_policy else "error",
        status=answer.status,
        content_type=answer.fields.text(b"content-type") or None,
        response_bytes=len(answer.content),
        verdict="denied" if deny.by_policy else "allowed",
        rule=str(rule) if rule else None,
        rule_id=rule.id if rule else None,
        reason=deny.reason or None,
        client_http_version=plain.version,
        intercepted=inside_tls,
        resource=deny.resource,
        page=deny.page,
        error=error,
        error_detail=deny.reason if error else None,
        user=known.name,
        listener=known.listener,
    )


def served(
    plain: Plain, serve: Serve, client: str, known: KnownClient, now: float, content_bytes: int, *, inside_tls: bool
) -> Record:
    """A stored response, fresh or not."""
    allowed = serve.allowed
    request, cleaned = allowed.request, allowed.cleaned  # The target as it was looked up.
    cache = "hit" if serve.fwd is None else f"fwd={serve.fwd}"
    rule = allowed.rule
    head = serve.delivery.head
    return Record(
        started_at=now,
        first_byte_at=now,
        ended_at=now,
        client=client,
        method=request.method,
        target=str(request.target),
        host=request.target.host,
        outcome=serve.instead or cache,
        status=head.status,
        content_type=head.fields.text(b"content-type") or None,
        response_bytes=content_bytes,
        rule=str(rule) if rule else None,
        rule_id=rule.id if rule else None,
        reason=allowed.told or None,
        cache=cache,
        cache_detail=serve.detail or None,
        anonymity=str(allowed.level),
        changed_request_fields=changed(allowed.request.fields, allowed.anonymised),
        client_http_version=plain.version,
        intercepted=inside_tls,
        resource=allowed.subject.resource,
        page=allowed.subject.page,
        cleaned=cleaned.names if cleaned else (),
        cleaned_by=cleaned.authors if cleaned else None,
        user=known.name,
        listener=known.listener,
    )


def cut(record: Record, denied: Denied) -> Record:
    """The record of what was ended before its end because a budget is used up."""
    rule = denied.rule
    return replace(
        record, rule=str(rule) if rule else None, rule_id=rule.id if rule else None, reason=denied.reason or None
    )


def failed(
    connect: Connect, client: str, known: KnownClient, started_at: float, now: float, outcome: str, told: str
) -> Record:
    """A tunnel whose TLS never stood, or was ended before anything was asked."""
    return Record(
        started_at=started_at,
        ended_at=now,
        client=client,
        method="CONNECT",
        target=f"{connect.host}:{connect.port}",
        host=connect.host,
        kind="tunnel",
        outcome=outcome,
        reason=told,
        error="tls_alert_received",
        error_detail=told,
        user=known.name,
        listener=known.listener,
    )
