"""CONNECT: who may have a tunnel, whether it is opened, and one record for each that is not.

Decided before anything is decrypted, on the CONNECT authority and then on the server name of the ClientHello.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from mitmproxy import http, tls
from mitmproxy.connection import Client
from mitmproxy.proxy.context import Context

from forward_proxy.access.rules import Denied
from forward_proxy.addons import heads
from forward_proxy.addons.dialing import dial_instead
from forward_proxy.addons.faults import fault_of
from forward_proxy.addons.metering import Metering
from forward_proxy.addons.proving import Proving
from forward_proxy.addons.relay import TunnelCount
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.hosts import IPAddress, canonical_host, unmapped
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Deny, Inspect, Policy, Tunnel, denial
from forward_proxy.policy.meter import Passage
from forward_proxy.traffic.record import Record

type Names = tuple[str, ...]


@dataclass(eq=False)
class Connect:
    """An accepted CONNECT: canonical host, port, and what became of it."""

    host: str
    port: int
    client: KnownClient
    started_at: float
    tunnel: Tunnel | None = None
    count: TunnelCount | None = None
    denied: Deny | None = None
    passage: Passage | None = None
    cut: Denied | None = None


class Tunnels:
    """The CONNECTs of the client connections that are open now."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        record: Callable[[Record], None],
        metering: Metering,
        proving: Proving,
    ) -> None:
        self._policy = policy
        self._record = record
        self._metering = metering
        self._proving = proving
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
        return connect is None or isinstance(self._decide(connect, sni, self._policy().on_hello), Inspect)

    def tunnel(self, context: Context, sni: str | None) -> TunnelCount | None:
        """Where to count the bytes of a tunnel that is not opened; None when it may not pass."""
        connect = self._connects.get(context.client.id)
        if connect is None or connect.count is not None:
            return None
        decision = self._decide(connect, sni, self._policy().on_opaque)
        if isinstance(decision, Tunnel):
            connect.tunnel, connect.count = decision, TunnelCount(sni)
            self._begin(connect, connect.count, decision, context.client)
            if decision.asked_as is not None:
                dial_instead(context.server, decision.asked_as.host)
            return connect.count
        if isinstance(decision, Deny):
            connect.denied = decision
        return None

    def client_disconnected(self, client: Client) -> None:
        connect = self._connects.pop(client.id, None)
        if connect is not None and connect.passage is not None:
            self._metering.meter.end(connect.passage)
        if connect is not None and (connect.count is not None or connect.denied is not None):
            self._record(_record(connect, time.time(), None if connect.denied else 200))

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """The client refused our certificate, or spoke TLS we cannot: worth a line, or nobody will know why."""
        connect = self._connects.get(data.context.client.id)
        if connect is not None:
            fault = Deny(502, "tls_alert_received", f"the client ended TLS: {data.conn.error or 'no reason given'}")
            connect.denied = fault

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
        names = tuple(dict.fromkeys(name for name in (connect.host, canonical_host(sni or "")) if name))
        return decide(names, connect.port, connect.client, int(time.time()))


def address_of(client: Client) -> IPAddress:
    """The client's address; IPv4 also where the listener took it as IPv6."""
    return _address(client.peername[0])


def client_of(client: Client) -> KnownClient:
    """What a client connection alone tells of the client."""
    return KnownClient(address_of(client), listener=client.sockname[1], reached=_address(client.sockname[0]))


@lru_cache(maxsize=1024)
def _address(text: str) -> IPAddress:
    return unmapped(ip_address(text.partition("%")[0]))


def _record(connect: Connect, now: float, status: int | None, target: str | None = None) -> Record:
    count, deny, cut = connect.count, connect.denied, connect.cut
    said = cut or deny or connect.tunnel
    rule = said.rule if said else None
    reason = said.reason if said else ""
    fault = fault_of(count.error) if count and count.error else None
    by_policy = deny is not None and deny.by_policy
    safe = connect.tunnel.asked_as if connect.tunnel else None
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
        outcome="denied" if by_policy else "error" if error else "tunnel",
        status=status,
        request_bytes=count.from_client_bytes if count else 0,
        response_bytes=count.from_origin_bytes if count else 0,
        verdict="denied" if by_policy else "allowed",
        rule=str(rule) if rule else None,
        rule_id=rule.id if rule else None,
        reason="; ".join(filter(None, (reason, str(safe or "")))) or None,
        error=error,
        error_detail=detail,
    )
