"""What exchanges and tunnels use of budgets: told to the meter, and ended when it says so.

What is cut loses its client's connection, so that nothing that was cut looks whole; over HTTP/2 with it goes what that
connection carries beside it, which is of the same site.
"""

from collections.abc import MutableMapping
from typing import Protocol
from weakref import WeakValueDictionary

from mitmproxy import http
from mitmproxy.connection import Client

from forward_proxy.access.budgets import Use, opens
from forward_proxy.access.rules import Denied
from forward_proxy.addons.exchange import Exchange
from forward_proxy.policy import Forward, Serve, Validate
from forward_proxy.policy.meter import Meter, NoMeter, Passage


class Connected(Protocol):
    """Whoever serves a client's connection."""

    def cut(self) -> None:
        """End it, whatever is under way."""


class Metering:
    """`served` is who serves each client connection, by its id."""

    def __init__(self, meter: Meter | None) -> None:
        self.meter = meter or NoMeter()
        self.served: MutableMapping[str, Connected] = WeakValueDictionary()

    def begin(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        """The exchange has been decided; what the proxy asks for itself is nobody's use."""
        decision = exchange.decision
        if not isinstance(decision, Forward | Validate | Serve) or exchange.errand is not None:
            return
        allowed = decision.allowed
        if not allowed.accounts:
            return
        if opens(allowed.subject.resource):
            self.meter.count(Use(allowed.accounts, opened=True))

        def cut(denied: Denied) -> None:
            exchange.cut = denied
            self.cut(flow.client_conn)

        exchange.passage = Passage(allowed.accounts, exchange.passed, cut)
        self.meter.begin(exchange.passage)

    def end(self, exchange: Exchange) -> None:
        """The exchange is over."""
        if exchange.passage is not None:
            self.meter.end(exchange.passage)
            exchange.passage = None

    def cut(self, client: Client) -> None:
        """End this client's connection."""
        if (connected := self.served.get(client.id)) is not None:
            connected.cut()
