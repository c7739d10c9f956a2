"""What is known of the client of an exchange, beside what the request itself says?"""

from dataclasses import dataclass, field

from forward_proxy.message.hosts import IPAddress


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whose name and password were right; `entry` tells by which state of the users file they were."""

    name: str
    entry: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class KnownClient:
    """Its address, who uses it if that has been proved, and the port of this proxy that it is connected to."""

    address: IPAddress
    user: User | None = None
    listener: int | None = None
