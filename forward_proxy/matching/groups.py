"""Is the client in one of these groups?  By its address, by who uses it, or by the port it is connected to.

Any of the three is enough.  As long as nobody has said who uses the client, it may be in a group that has users: that
is not known, and matches neither the key `group` nor its `not`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from forward_proxy.matching.clients import Network
from forward_proxy.matching.conditions import Condition
from forward_proxy.matching.matcher import Matcher, Not
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.users import Users
from forward_proxy.message.hosts import unmapped


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a group."""

    networks: tuple[Network, ...] = ()
    users: frozenset[str] = frozenset()
    listeners: tuple[range, ...] = ()


@dataclass(frozen=True, slots=True)
class Groups:
    """The key `group`: everyone in any of the groups that it names."""

    members: Members
    key: ClassVar[str] = "group"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, groups: Iterable[Members]) -> "Groups":
        several = tuple(groups)
        return cls(
            Members(
                tuple(network for group in several for network in group.networks),
                frozenset(name for group in several for name in group.users),
                tuple(ports for group in several for ports in group.listeners),
            )
        )

    def holds(self, subject: Subject) -> bool | None:
        members = self.members
        if subject.client is not None and members.networks:
            client = unmapped(subject.client)
            if any(client in network for network in members.networks):
                return True
        if subject.listener is not None and any(subject.listener in ports for ports in members.listeners):
            return True
        if subject.user in members.users:
            return True
        unknown = (members.users and subject.user is None) or (members.listeners and subject.listener is None)
        return None if unknown else False


def asks_for_user(matcher: Matcher) -> bool:
    """Whether it may depend on who uses the client."""
    return any(map(_asks_for_user, matcher.conditions))


def _asks_for_user(condition: Condition) -> bool:
    match condition:
        case Users():
            return True
        case Groups(members):
            return bool(members.users)
        case Not(inner):
            return asks_for_user(inner)
        case _:
            return False
