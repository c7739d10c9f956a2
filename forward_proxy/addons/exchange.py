"""One exchange on its way through this driver: what was decided, what is under way, and the record it becomes."""

from dataclasses import dataclass, field, replace

from mitmproxy import http
from mitmproxy.connection import Client, Server

from forward_proxy.access.rules import Denied
from forward_proxy.addons.errands import Errand
from forward_proxy.addons.flights import Flight
from forward_proxy.addons.ways import taken_by
from forward_proxy.anonymity import changed
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.heads import RequestHead
from forward_proxy.policy import Deny, Forward, OwnPage, Policy, Purge, Redirect, Relay, Serve, Validate
from forward_proxy.policy.meter import Passage
from forward_proxy.storage.content import Content
from forward_proxy.storage.generations import Generation
from forward_proxy.storage.pieces import Readable
from forward_proxy.storage.staging import Staging
from forward_proxy.traffic.record import IN_THE_BACKGROUND, Record

KEY = "forward_proxy.exchange"
INSISTS = "nobody: the client came back for it"


@dataclass(eq=False)
class Exchange:
    """Times are POSIX seconds; `client` and `request` stay None when the target was malformed.

    `contents` are the stored contents opened while deciding, by id; `content` the one being sent.  `flight` is the one
    that others wait for, `waited` whether this exchange has waited for one itself.  `purged` is how many stored
    responses a purge took.  `arrival` was taken when the origin was asked.  `passage` is how its bytes are counted for
    budgets, `cut` why it was ended before its end.  With `insists` the client came back for a target that it had been
    led away from.
    """

    policy: Policy
    started_at: float
    client_version: str
    client: KnownClient | None = None
    request: RequestHead | None = None
    decision: Deny | Forward | Purge | OwnPage | Redirect | Validate | Serve | None = None
    relay: Relay | None = None
    arrival: Generation | None = None
    staging: Staging | None = None
    errand: Errand | None = None
    flight: Flight | None = None
    waited: bool = False
    insists: bool = False
    contents: dict[str, Content] = field(default_factory=dict)
    content: Readable | None = None
    stored: bool = False
    purged: int = 0
    sent_at: float = 0
    first_byte_at: float | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    error: str | None = None
    error_detail: str | None = None
    recorded: bool = False
    passage: Passage | None = None
    cut: Denied | None = None
    changed_response_fields: tuple[str, ...] = ()

    def passed(self) -> int:
        """Bytes of content so far, both ways."""
        return self.request_bytes + self.response_bytes

    def sent(self) -> Forward | Validate:
        """The decision this request was sent on by, knowing by now whether content came with it."""
        if not isinstance(self.decision, Forward | Validate):
            raise TypeError("nothing was sent")
        allowed = self.decision.allowed
        if not self.request_bytes or allowed.outbound.has_content:
            return self.decision
        return replace(self.decision, allowed=replace(allowed, outbound=replace(allowed.outbound, has_content=True)))

    def count_request(self, chunk: bytes) -> bytes:
        self.request_bytes += len(chunk)
        return chunk

    def pass_response(self, chunk: bytes) -> bytes:
        """Count a piece of content and copy it to the store if it is being stored."""
        self.response_bytes += len(chunk)
        if self.staging is not None and chunk:
            self.staging.write(chunk)
        return chunk

    def abandon(self) -> None:
        """Stop storing and reading; what was staged is gone."""
        if self.staging is not None:
            self.staging.abandon()
            self.staging = None
        if self.content is not None:
            self.content.close()
            self.content = None
        self.close_contents()

    def close_contents(self) -> None:
        """Let go of what was opened and is not sent."""
        for content in self.contents.values():
            content.close()
        self.contents.clear()


def exchange_of(flow: http.HTTPFlow) -> Exchange:
    exchange = flow.metadata[KEY]
    if not isinstance(exchange, Exchange):
        raise TypeError("flow without an exchange")
    return exchange


def record_of(exchange: Exchange, flow: http.HTTPFlow, now: float) -> Record:
    """What the traffic log remembers of this exchange."""
    decision = exchange.decision
    deny = decision if isinstance(decision, Deny) else None
    redirect = decision if isinstance(decision, Redirect) else None
    allowed = decision.allowed if isinstance(decision, Forward | Validate | Serve) else None
    let_past = allowed or redirect
    said = exchange.cut or deny or let_past
    unheard = exchange.errand is not None and exchange.error is not None
    response = None if unheard else flow.response
    cache, detail = _cache_words(exchange)
    if exchange.errand is not None and not detail.startswith(IN_THE_BACKGROUND):
        detail = f"{IN_THE_BACKGROUND}; {detail}"
    request = allowed.request if allowed else exchange.request  # The target as it was asked for.
    cleaned = let_past.cleaned if let_past else None
    rule = said.rule if said else None
    taken = taken_by(flow.server_conn) if exchange.sent_at else None
    error = exchange.error or (deny.error if deny and not deny.by_policy else None)
    return Record(
        started_at=exchange.started_at,
        first_byte_at=exchange.first_byte_at,
        ended_at=now,
        client=_address(flow.client_conn),
        user=exchange.client.name if exchange.client else None,
        listener=exchange.client.listener if exchange.client else None,
        method=request.method if request else flow.request.method,
        target=str(request.target) if request else flow.request.url,
        host=request.target.host if request else flow.request.host,
        kind="websocket" if flow.websocket else "http",
        outcome=_outcome(exchange, cache, error),
        status=response.status_code if response else None,
        content_type=response.headers.get("content-type") if response else None,
        request_bytes=exchange.request_bytes,
        response_bytes=0 if unheard else exchange.response_bytes,
        verdict="denied" if deny and deny.by_policy else "allowed",
        rule=str(rule) if rule else None,
        rule_id=rule.id if rule else None,
        reason=(allowed.told if said is allowed and allowed else said.reason if said else "") or None,
        cache=cache,
        cache_stored=exchange.stored,
        cache_detail=detail or None,
        anonymity=str(allowed.level) if allowed else None,
        changed_request_fields=changed(allowed.request.fields, allowed.anonymised) if allowed else (),
        changed_response_fields=exchange.changed_response_fields,
        origin=_origin(flow.server_conn) if exchange.sent_at and not taken else None,
        client_http_version=exchange.client_version,
        origin_http_version=_http_version(flow.server_conn) if exchange.sent_at else None,
        tls_version=flow.server_conn.tls_version if exchange.sent_at else None,
        intercepted=flow.client_conn.tls_established,
        resource=let_past.subject.resource if let_past else deny.resource if deny else None,
        page=let_past.subject.page if let_past else deny.page if deny else None,
        error=error,
        error_detail=exchange.error_detail or (deny.reason if error and deny else None),
        cleaned=cleaned.names if cleaned else (),
        via=str(taken.parent) if taken else None,
        cleaned_by=INSISTS if exchange.insists else cleaned.authors if cleaned else None,
    )


def _cache_words(exchange: Exchange) -> tuple[str | None, str]:
    match exchange.decision:
        case Serve(fwd=None, detail=detail):
            return "hit", detail
        case Serve(fwd=fwd, detail=detail):
            return f"fwd={fwd}", detail or "validated by the origin"
        case Forward(fwd=fwd, detail=detail) | Validate(fwd=fwd, detail=detail):
            relay = exchange.relay
            if relay is not None and relay.storing is not None and not exchange.stored:
                lost = "not stored: incomplete, too large, purged meanwhile, or no room"
                return f"fwd={fwd}", "; ".join(filter(None, (relay.detail, lost)))
            return f"fwd={fwd}", relay.detail if relay else detail
        case Purge() as purge:
            return None, _purged(purge, exchange.purged)
    return None, ""


def _purged(purge: Purge, count: int) -> str:
    """`2 stored responses removed`, `1 stored response made stale, tagged news or shop`."""
    tags = " or ".join(sorted(tag.decode("latin-1") for tag in purge.tags))
    words = f"{count} stored {'response' if count == 1 else 'responses'} {'made stale' if purge.soft else 'removed'}"
    return f"{words}, tagged {tags[:200]}" if tags else words


def _outcome(exchange: Exchange, cache: str | None, error: str | None) -> str:
    decision = exchange.decision
    if isinstance(decision, Deny) and decision.by_policy:
        return "denied"
    if exchange.errand is not None:
        return "error" if error else "background"
    if isinstance(decision, Serve) and cache:
        return decision.instead or cache
    if isinstance(decision, Purge) and not error:
        return "purge"
    if isinstance(decision, OwnPage) and not error:
        return "page"
    if isinstance(decision, Redirect) and not error:
        return "redirect"
    return "error" if error else cache or "error"


def _address(client: Client) -> str:
    return str(client.peername[0]) if client.peername else "?"


def _origin(server: Server) -> str | None:
    if not server.peername:
        return None
    host, port = server.peername[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _http_version(server: Server) -> str | None:
    return None if not server.connected and not server.peername else "HTTP/2.0" if server.alpn == b"h2" else "HTTP/1.1"
