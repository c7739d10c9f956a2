"""What may rules call by a name?  Groups of clients, lists of days, and services."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forward_proxy.matching.days import Dates
from forward_proxy.matching.groups import Members
from forward_proxy.matching.services import Catalogue


@dataclass(frozen=True, slots=True)
class Named:
    """What each name stands for."""

    groups: Mapping[str, Members] = field(default_factory=dict)
    holidays: Mapping[str, Dates] = field(default_factory=dict)
    services: Catalogue = field(default_factory=Catalogue)


NOTHING_NAMED = Named()
