"""CONNECT: who may have a tunnel, whether it is opened, and one record for each that is not.

Decided before anything is decrypted, on the CONNECT authority and then on the server name of the ClientHello.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from mitmproxy import http, tls
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.context import Context

from forward_proxy.access.rules import Denied
from forward_proxy.addons import heads
from forward_proxy.addons.faults import fault_of
from forward_proxy.addons.metering import Metering
from forward_proxy.addons.proving import Proving
from forward_proxy.addons.relay import TunnelCount
from forward_proxy.addons.ways import lead, taken_by, way_of
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.alerts import HUNG_UP, SHOWN_S, UNUSED_S, refusal_in
from forward_proxy.message.hosts import IPAddress, canonical_host, unmapped
from forward_proxy.message.socks import BY_SOCKS
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Deny, Inspect, Policy, Refused, Tunnel, denial
from forward_proxy.policy.meter import Passage
from forward_proxy.termination.hangups import HangUps
from forward_proxy.traffic.record import Record

type Names = tuple[str, ...]

_CLOSED = "The client disconnected"  # What mitmproxy says of a client that has gone without a word.


@dataclass(eq=False)
class Connect:
    """An accepted CONNECT: canonical host, port, and what became of it.

    A certificate is shown for the names in `shown_for`; `spoken` is whether the client has sent anything inside.
    """

    host: str
    port: int
    client: KnownClient
    started_at: float
    tunnel: Tunnel | None = None
    count: TunnelCount | None = None
    denied: Deny | None = None
    passage: Passage | None = None
    cut: Denied | None = None
    server: Server | None = None
    shown_for: Names = ()
    shown_at: float | None = None
    spoken: bool = False
    refused: Refused | None = None


class Tunnels:
    """The CONNECTs of the client connections that are open now."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        record: Callable[[Record], None],
        metering: Metering,
        proving: Proving,
        remember: Callable[[Refused], None],
    ) -> None:
        self._policy = policy
        self._record = record
        self._metering = metering
        self._proving = proving
        self._remember = remember
        self._hang_ups = HangUps()
        self._connects: dict[str, Connect] = {}

    def authority(self, client: Client) -> tuple[str, int] | None:
        """Canonical host and port of the tunnel that this client connection is, None when it is none."""
        connect = self._connects.get(client.id)
        return (connect.host, connect.port) if connect else None

    def client(self, client: Client) -> KnownClient:
        """Who is at the other end of this client connection."""
        connect = self._connects.get(client.id)
        return connect.client if connect else client_of(client)

    def relays(self, client: Client) -> bool:
        """Whether this client connection is a tunnel that is not opened."""
        connect = self._connects.get(client.id)
        return connect is not None and connect.count is not None

    def http_connect(self, flow: http.HTTPFlow) -> None:
        policy = self._policy()
        if (client := self._proving.begin(flow, client_of(flow.client_conn), policy)) is not None:
            self._connect(flow, client, policy)

    async def connect_proved(self, flow: http.HTTPFlow) -> None:
        """The CONNECT has waited for its credentials to be tried."""
        policy = self._policy()
        self._connect(flow, await self._proving.finish(flow, client_of(flow.client_conn), policy), policy)

    def _connect(self, flow: http.HTTPFlow, client: KnownClient, policy: Policy) -> None:
        now = time.time()
        host, port = flow.request.data.host, flow.request.data.port
        decision = policy.on_connect((host, port), client, int(now))
        connect = Connect(canonical_host(host) or "", port, client, now)
        if isinstance(decision, Deny):
            answer = denial(decision, None)
            words = "Refused" if answer.status == 403 else phrase(answer.status)
            flow.response = heads.own_response(answer.status, words, answer.fields, answer.content)
            connect.denied = decision
            self._record(_record(connect, now, answer.status, f"{host}:{port}"))
        elif flow.client_conn.timestamp_end is None:  # Or it has left while its password was tried.
            self._connects[flow.client_conn.id] = connect

    def enter(self, client: Client, host: str, port: int, known: KnownClient) -> None:
        """A tunnel to this canonical host and port whose CONNECT and TLS were seen to before."""
        self._connects[client.id] = Connect(host, port, known, time.time())

    def opens(self, context: Context, sni: str | None) -> bool:
        """Whether the TLS connection that begins here is opened and read."""
        connect = self._connects.get(context.client.id)
        if connect is None:
            return True
        opened = isinstance(self._decide(connect, sni, self._policy().on_hello), Inspect)
        if opened:
            connect.shown_for, connect.shown_at = _names(connect, sni), time.time()
        return opened

    def spoke(self, client: Client) -> None:
        """The client has sent something inside the TLS that is opened."""
        if (connect := self._connects.get(client.id)) is not None:
            connect.spoken = True
            self._hang_ups.accepted(connect.client.address, connect.shown_for)

    def tunnel(self, context: Context, sni: str | None) -> TunnelCount | None:
        """Where to count the bytes of a tunnel that is not opened; None when it may not pass."""
        connect = self._connects.get(context.client.id)
        if connect is None or connect.count is not None:
            return None
        decision = self._decide(connect, sni, self._policy().on_opaque)
        if isinstance(decision, Tunnel):
            connect.tunnel, connect.count = decision, TunnelCount(sni)
            self._begin(connect, connect.count, decision, context.client)
            connect.server = context.server
            lead(context.server, way_of(decision.asked_as, decision.via))
            return connect.count
        if isinstance(decision, Deny):
            connect.denied = decision
        return None

    def client_disconnected(self, client: Client) -> None:
        connect = self._connects.pop(client.id, None)
        if connect is None:
            return
        established_at = client.timestamp_tls_setup if connect.shown_for and not connect.spoken else None
        if established_at is not None and time.time() - established_at < UNUSED_S:
            self._refuse(connect, HUNG_UP)
        if connect.passage is not None:
            self._metering.meter.end(connect.passage)
        if connect.count is not None or connect.denied is not None:
            self._record(_record(connect, time.time(), None if connect.denied else 200))

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """The client refused our certificate, or spoke TLS we cannot: worth a line, or nobody will know why."""
        connect = self._connects.get(data.context.client.id)
        if connect is None:
            return
        text = data.conn.error or "no reason given"
        in_time = connect.shown_at is not None and time.time() - connect.shown_at < SHOWN_S
        why = HUNG_UP if text.startswith(_CLOSED) and in_time else refusal_in(text)
        if why is not None and connect.shown_for:
            self._refuse(connect, why)
        else:
            connect.denied = Deny(502, "tls_alert_received", f"the client ended TLS: {text}")

    def _refuse(self, connect: Connect, why: str) -> None:
        """The client did not accept the certificate that was shown for these names."""
        names, now = connect.shown_for, int(time.time())
        if why == HUNG_UP and not self._hang_ups.enough(connect.client.address, names, connect.started_at, time.time()):
            connect.denied = Deny(502, "tls_alert_received", f"the client ended TLS: {why}")
            return
        connect.refused = refused = self._policy().on_refusal(names, connect.port, connect.client, why, now)
        connect.denied = Deny(502, "tls_alert_received", refused.told)
        self._remember(refused)

    def _begin(self, connect: Connect, count: TunnelCount, tunnel: Tunnel, client: Client) -> None:
        """What passes is counted for budgets, if it uses any."""
        if not tunnel.accounts:
            return

        def cut(denied: Denied) -> None:
            connect.cut = denied
            self._metering.cut(client)

        connect.passage = Passage(tunnel.accounts, count.passed, cut)
        self._metering.meter.begin(connect.passage)

    def _decide[T](self, connect: Connect, sni: str | None, decide: Callable[[Names, int, KnownClient, int], T]) -> T:
        return decide(_names(connect, sni), connect.port, connect.client, int(time.time()))


def _names(connect: Connect, sni: str | None) -> Names:
    return tuple(dict.fromkeys(name for name in (connect.host, canonical_host(sni or "")) if name))


def address_of(client: Client) -> IPAddress:
    """The client's address; IPv4 also where the listener took it as IPv6."""
    return address_in(client.peername[0])


def client_of(client: Client) -> KnownClient:
    """What a client connection alone tells of the client."""
    by_socks = getattr(client, BY_SOCKS, False)
    host, port = client.sockname[:2]
    return KnownClient(address_of(client), listener=port, reached=address_in(host), by_socks=by_socks)


@lru_cache(maxsize=1024)
def address_in(text: str) -> IPAddress:
    """The address in that of a socket."""
    return unmapped(ip_address(text.partition("%")[0]))


def refused_login(client: IPAddress, listener: int, started_at: float, reason: str) -> Record:
    """What the log has of a SOCKS client that was sent away before it named a target."""
    return Record(
        started_at=started_at,
        ended_at=time.time(),
        client=str(client),
        listener=listener,
        method="SOCKS5",
        target="-",
        host="-",
        kind="tunnel",
        outcome="denied",
        verdict="denied",
        reason=reason,
    )


def _record(connect: Connect, now: float, status: int | None, target: str | None = None) -> Record:
    count, deny, cut = connect.count, connect.denied, connect.cut
    said = cut or deny or connect.tunnel
    rule = said.rule if said else None
    tunnel = connect.tunnel if said is connect.tunnel else None
    reason = tunnel.told if tunnel else said.reason if said else ""
    passed = "pass-through" if tunnel and tunnel.closed and tunnel.closed.refused else "tunnel"
    if connect.refused is not None:
        passed = "refused"
    fault = fault_of(count.error) if count and count.error else None
    by_policy = deny is not None and deny.by_policy
    error = None if by_policy else deny.error if deny else fault.error if fault else None
    detail = deny.reason if error and deny else fault.detail if fault else None
    if cut is not None:
        error, detail = "http_request_denied", f"cut: {cut.reason}"
    return Record(
        started_at=connect.started_at,
        first_byte_at=count.first_byte_at if count else None,
        ended_at=now,
        client=str(connect.client.address),
        user=connect.client.name,
        listener=connect.client.listener,
        method="CONNECT",
        target=target or f"{f'[{connect.host}]' if ':' in connect.host else connect.host}:{connect.port}",
        host=connect.host,
        kind="tunnel",
        outcome="denied" if by_policy else "error" if error and connect.refused is None else passed,
        status=status,
        request_bytes=count.from_client_bytes if count else 0,
        response_bytes=count.from_origin_bytes if count else 0,
        verdict="denied" if by_policy else "allowed",
        rule=str(rule) if rule else None,
        rule_id=rule.id if rule else None,
        reason=reason or None,
        error=error,
        error_detail=detail,
        via=str(taken.parent) if connect.server and (taken := taken_by(connect.server)) else None,
    )
