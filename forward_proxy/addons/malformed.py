"""What was refused before it could become a flow, and the record it leaves."""

import time
from dataclasses import dataclass

from mitmproxy.connection import Client
from mitmproxy.proxy import commands

from forward_proxy.message.rawheads import Refusal
from forward_proxy.message.targets import TargetUri
from forward_proxy.termination.front import TurnedAway
from forward_proxy.traffic.record import Record

ERROR = "http_request_error"  # RFC 9209 §2.3.26: the fault is in the request.


@dataclass(frozen=True, slots=True)
class MalformedRequest:
    """Who sent it, when, and why it was refused; method and target as far as they can be told."""

    client: Client
    refusal: Refusal
    at: float
    method: str = "?"
    target: TargetUri | None = None

    def record(self) -> Record:
        return Record(
            started_at=self.at,
            ended_at=self.at,
            client=str(self.client.peername[0]) if self.client.peername else "?",
            method=self.method,
            target=str(self.target or ""),
            host=self.target.host if self.target else "",
            outcome="error",
            status=self.refusal.status,
            intercepted=self.client.tls_established,
            error=ERROR,
            error_detail=self.refusal.reason,
        )


def turned_away(client: TurnedAway) -> Record:
    """The record of a client that was to speak TLS with this proxy and did not."""
    return Record(
        started_at=client.started_at,
        ended_at=time.time(),
        client=client.client,
        method="?",
        target="",
        host="",
        outcome="error",
        status=client.status,
        error=client.error,
        error_detail=f"no TLS with this proxy: {client.reason}",
        listener=client.listener,
    )


@dataclass
class MalformedRequestHook(commands.StartHook):
    """Tells of a request that no other hook is called for; nothing is awaited from it."""

    request: MalformedRequest
    blocking = False
