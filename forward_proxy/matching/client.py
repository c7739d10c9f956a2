"""What is known of the client of an exchange, beside what the request itself says?"""

from dataclasses import dataclass, field, replace

from forward_proxy.message.hosts import IPAddress


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whose name and password were right; `entry` is what the users file had of them then."""

    name: str
    entry: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Unproved:
    """Why the credentials that were sent prove nothing, and the status that says so where it matters."""

    reason: str
    status: int = 407


@dataclass(frozen=True, slots=True)
class KnownClient:
    """Its address, who uses it if that has been proved, the port and address of this proxy it is connected to, and
    whether it asks by SOCKS5."""

    address: IPAddress
    user: User | None = None
    listener: int | None = None
    unproved: Unproved | None = None
    reached: IPAddress | None = None
    by_socks: bool = False

    def proved(self, proof: User | Unproved) -> "KnownClient":
        """The same client, knowing what its credentials prove."""
        if isinstance(proof, User):
            return replace(self, user=proof, unproved=None)
        return replace(self, user=None, unproved=proof)

    @property
    def name(self) -> str | None:
        """Of the user, None when nobody's is proved."""
        return None if self.user is None else self.user.name
