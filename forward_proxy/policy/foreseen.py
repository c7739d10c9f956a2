"""A decision that the other driver has taken already for the request it hands over.

Deciding twice is harmless and costs time.  The second driver reads the request itself all the same; only if it reads
exactly what was judged, in the same second and under the same policy, does it take the decision as its own.
"""

from dataclasses import dataclass

from forward_proxy.message.heads import RequestHead
from forward_proxy.policy.decisions import Forward
from forward_proxy.policy.door import Policy


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What was judged: the arguments of `Policy.on_request` but for the client, and what came of it."""

    policy: Policy
    request: RequestHead
    names: tuple[str, ...]
    now: int
    tunnel: tuple[str, int] | None
    forward: Forward

    def of(
        self, policy: Policy, request: RequestHead, names: tuple[str, ...], now: int, tunnel: tuple[str, int] | None
    ) -> bool:
        """Whether this is a decision on that request."""
        return (
            self.policy is policy
            and self.now == now
            and self.names == names
            and self.tunnel == tunnel
            and self.request == request
        )
