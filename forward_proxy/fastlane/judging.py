"""What answers a plain request?  The policy's decision, and the octets it becomes when the lane can act on it."""

from dataclasses import dataclass
from typing import Protocol, assert_never

from forward_proxy.access.budgets import Use, opens
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.errors import StorageError
from forward_proxy.fastlane import records
from forward_proxy.fastlane.remembered import Generation
from forward_proxy.fastlane.requests import Plain, Tunnel
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.writing import response_head
from forward_proxy.policy import (
    Deny,
    Foreseen,
    Forward,
    Lookup,
    OwnPage,
    Policy,
    Purge,
    Redirect,
    Serve,
    Validate,
    denial,
)
from forward_proxy.storage.content import Content
from forward_proxy.storage.pieces import Readable, cut
from forward_proxy.traffic.record import Record

# Stored content up to this size goes out with its head and may be remembered; larger content goes block by block.
WHOLE_BYTES = 256 * 1024


class Storage(Protocol):
    """What the lane needs of the store; nothing here raises."""

    def generation(self, key: CacheKey) -> Generation: ...
    def candidates(self, key: CacheKey) -> tuple[StoredResponse, ...]: ...
    def open_content(self, stored: StoredResponse) -> Content | None: ...


@dataclass(frozen=True, slots=True)
class Client:
    """Whose request it is, and in which tunnel it came if in any."""

    known: KnownClient
    text: str
    tunnel: Tunnel | None = None

    @property
    def authority(self) -> tuple[str, int] | None:
        """Canonical host and port of the tunnel."""
        return (self.tunnel.host, self.tunnel.port) if self.tunnel else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the lane's: its octets, then `content` if that is too large to be among them.

    It holds while `generation` is current (None: it rests on nothing stored) and, but for age and ttl, before `until`.
    `use` is what it is of budgets, None if nothing; without `content`, all of it.
    """

    octets: bytes
    record: Record
    until: int
    generation: Generation | None = None
    content: Readable | None = None
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """To be handed over, with the decision where it is final: what is not stored is asked of the origin."""

    foreseen: Foreseen | None = None


def judge(plain: Plain, client: Client, policy: Policy, storage: Storage, now: float) -> Answer | Elsewhere:
    """What the policy decides, acted on as far as no origin is needed.  Never raises but by a fault."""
    request, names, second, tunnel = plain.request, plain.names, int(now), client.authority
    decision: Deny | Redirect | Lookup | Forward | Purge | OwnPage | Serve | Validate
    decision = policy.on_request(request, client.known, names, second, tunnel)
    generation: Generation | None = None
    if isinstance(decision, Lookup):
        generation = storage.generation(decision.key)  # Before looking: a change meanwhile must not go unnoticed.
        decision = policy.on_stored(decision, storage.candidates(decision.key), second)
    steady_until = policy.steady_until(second)
    match decision:
        case Deny(later=False):
            return _denied(plain, decision, generation, client, now, steady_until)
        case Serve(validate_after=False):
            return _served(plain, decision, generation, client, storage, now, steady_until)
        case Forward(candidates=()):
            return Elsewhere(Foreseen(policy, request, names, second, tunnel, decision))
        case Deny() | Serve() | Forward() | Validate() | Purge() | OwnPage() | Redirect():
            return Elsewhere()  # There is more to do than to answer.
        case never:
            assert_never(never)


def _denied(
    plain: Plain, deny: Deny, generation: Generation | None, client: Client, now: float, steady_until: int
) -> Answer:
    answer = denial(deny, plain.request)
    inside_tls = client.tunnel is not None
    record = records.denied(plain, deny, answer, client.text, client.known, now, inside_tls=inside_tls)
    return Answer(response_head(answer.status, answer.fields) + answer.content, record, steady_until, generation)


def _served(
    plain: Plain,
    serve: Serve,
    generation: Generation | None,
    client: Client,
    storage: Storage,
    now: float,
    steady_until: int,
) -> Answer | Elsewhere:
    # Opened although a HEAD or a 304 sends none of it: a stored response counts only while its content can be.
    if (stored := storage.open_content(serve.stored)) is None:
        return Elsewhere()
    head = serve.delivery.head
    octets = response_head(head.status, head.fields)
    content = cut(stored, serve.delivery.pieces)
    length = content.length if serve.delivery.with_content else 0
    record = records.served(plain, serve, client.text, client.known, now, length, inside_tls=client.tunnel is not None)
    use = _use(serve, 0 if length > WHOLE_BYTES else length)
    if length > WHOLE_BYTES:
        return Answer(octets, record, 0, generation, content, use)
    with content:
        try:
            whole = content.read_all() if length else b""
        except StorageError:
            return Elsewhere()
    return Answer(octets + whole, record, min(serve.until, steady_until), generation, None, use)


def _use(serve: Serve, length: int) -> Use | None:
    allowed = serve.allowed
    return Use(allowed.accounts, opens(allowed.subject.resource), length) if allowed.accounts else None
