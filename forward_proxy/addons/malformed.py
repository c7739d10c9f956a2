"""A request that was refused before it could become a flow, and the record it leaves."""

from dataclasses import dataclass

from mitmproxy.connection import Client
from mitmproxy.proxy import commands

from forward_proxy.message.rawheads import Refusal
from forward_proxy.message.targets import TargetUri
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


@dataclass
class MalformedRequestHook(commands.StartHook):
    """Tells of a request that no other hook is called for; nothing is awaited from it."""

    request: MalformedRequest
    blocking = False
