"""What do the credentials of a request to this proxy prove?  Known at once, or found out while the request waits."""

from collections.abc import Mapping
from typing import Protocol

from mitmproxy import http

from forward_proxy.access.targets import judge_client
from forward_proxy.addons.messages import section_of
from forward_proxy.addons.passing import PROVES
from forward_proxy.matching.client import KnownClient, Unproved, User
from forward_proxy.message.hosts import IPAddress
from forward_proxy.policy import Policy


class Proofs(Protocol):
    """What is found out about credentials, given the users' hashes."""

    def seen(self, sent: bytes, hashes: Mapping[str, bytes]) -> User | Unproved | None: ...
    async def prove(self, sent: bytes, hashes: Mapping[str, bytes], address: IPAddress) -> User | Unproved: ...


class Proving:
    """Between a request and the proofs."""

    def __init__(self, proofs: Proofs | None) -> None:
        self._proofs = proofs

    def begin(self, flow: http.HTTPFlow, client: KnownClient, policy: Policy) -> KnownClient | None:
        """The client, and who uses it as far as is known; None when the hook `prove` is called for that first."""
        sent, hashes = _sent(flow), policy.state.authentication.hashes
        if self._proofs is None or sent is None or hashes is None:
            return client
        if judge_client(client.address, policy.state.access_options) is not None:
            return client  # It is refused whoever uses it, and has no password tried.
        if (proof := self._proofs.seen(sent, hashes)) is not None:
            return client.proved(proof)
        flow.metadata[PROVES] = True
        return None

    async def finish(self, flow: http.HTTPFlow, client: KnownClient, policy: Policy) -> KnownClient:
        """The client, and who uses it."""
        sent, hashes = _sent(flow), policy.state.authentication.hashes
        if self._proofs is None or sent is None or hashes is None:
            return client
        return client.proved(await self._proofs.prove(sent, hashes, client.address))

    async def prove(self, sent: bytes, address: IPAddress, policy: Policy) -> User | Unproved | None:
        """What a value of Proxy-Authorization proves; None where there are no users, or the client is none we serve."""
        hashes = policy.state.authentication.hashes
        if self._proofs is None or hashes is None or judge_client(address, policy.state.access_options) is not None:
            return None
        return await self._proofs.prove(sent, hashes, address)


def _sent(flow: http.HTTPFlow) -> bytes | None:
    return section_of(flow.request).get(b"proxy-authorization")
