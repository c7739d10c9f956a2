"""The phases in order, and the one door both drivers knock on.

*Exchange*: one request and whatever answers it.  *Phase*: a point in its life at which something is decided.
*Decision*: the small value that says what, and why.  *Driver*: what reads the bytes, asks, and acts.  *Handover*: a
driver leaving a request to the other one, verbatim.
"""

from forward_proxy.policy.answers import Answer, denial, own_page, purged, redirection
from forward_proxy.policy.decisions import (
    Allowed,
    Deny,
    Forward,
    Inspect,
    Lookup,
    OwnPage,
    Purge,
    Redirect,
    Refused,
    Relay,
    Serve,
    StoreChanges,
    Tunnel,
    Validate,
)
from forward_proxy.policy.door import Navigations, Policy
from forward_proxy.policy.foreseen import Foreseen
from forward_proxy.policy.state import State

__all__ = (
    "Allowed",
    "Answer",
    "Deny",
    "Foreseen",
    "Forward",
    "Inspect",
    "Lookup",
    "Navigations",
    "OwnPage",
    "Policy",
    "Purge",
    "Redirect",
    "Refused",
    "Relay",
    "Serve",
    "State",
    "StoreChanges",
    "Tunnel",
    "Validate",
    "denial",
    "own_page",
    "purged",
    "redirection",
)
