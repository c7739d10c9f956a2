"""What decisions depend on besides the exchange itself."""

from dataclasses import dataclass
from typing import Literal

from forward_proxy import caching
from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.access.parents import Route
from forward_proxy.access.rules import AccessRules
from forward_proxy.access.safesearch import SafeSearch
from forward_proxy.anonymity import Level
from forward_proxy.caching import Override
from forward_proxy.cleaning import Treatment
from forward_proxy.matching.choice import Choice
from forward_proxy.policy.authentication import NO_AUTHENTICATION, Authentication
from forward_proxy.policy.onboarding import NO_ONBOARDING, Onboarding, Pac
from forward_proxy.policy.refusals import OPENED, PassingThrough
from forward_proxy.policy.unblocking import NOBODY, Unblocking


@dataclass(frozen=True, slots=True)
class State:
    """All of it: one immutable snapshot, swapped whole on reload.

    While `offline`, no origin is asked: what is stored has to do.
    """

    access: AccessRules
    access_options: AccessOptions
    caching_options: caching.Options
    anonymity: tuple[Choice[Level], ...] = ()
    inspect: tuple[Choice[Literal["never", "always"]], ...] = ()
    cache: tuple[Choice[Override], ...] = ()
    origin_via: tuple[Choice[Route], ...] = ()
    safe_search: tuple[Choice[SafeSearch], ...] = ()
    tracking: tuple[Choice[Treatment], ...] = ()
    default_level: Level = Level.STANDARD
    inspect_by_default: bool = True
    cache_by_default: bool = True
    offline: bool = False
    unblocking: Unblocking = NOBODY
    onboarding: Onboarding = NO_ONBOARDING
    pac: tuple[Choice[Pac], ...] = ()
    authentication: Authentication = NO_AUTHENTICATION
    passing_through: PassingThrough = OPENED
