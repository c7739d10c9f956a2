"""Storing and reusing responses.  RFC 9111; no effect anywhere.

A request goes `request_plan`, then `select` on what the storage holds; a response goes `may_store`, `after_validation`
or `after_head`, and `invalidated`; `deliver` is what a reuse looks like on its way out.
"""

from forward_proxy.caching.applied import applied
from forward_proxy.caching.cache_status import CacheStatus, cache_status_lines
from forward_proxy.caching.delivery import Delivery, deliver, delivered_fields
from forward_proxy.caching.freshness import FreshnessSums, freshness
from forward_proxy.caching.invalidation import invalidated
from forward_proxy.caching.keys import key_of
from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import Override
from forward_proxy.caching.reuse import (
    Bypass,
    GatewayTimeout,
    Miss,
    Reuse,
    Validate,
    after_failure,
    request_plan,
    revalidation,
    select,
)
from forward_proxy.caching.stale import FAILURES
from forward_proxy.caching.stored import CacheKey, StoredResponse
from forward_proxy.caching.storing import NotStorable, Storable, may_store
from forward_proxy.caching.validation import AskAgain, Freshened, HeadUpdate, PassOn, after_head, after_validation
from forward_proxy.caching.vary import matching

__all__ = [
    "FAILURES",
    "AskAgain",
    "Bypass",
    "CacheKey",
    "CacheStatus",
    "Delivery",
    "Freshened",
    "FreshnessSums",
    "GatewayTimeout",
    "HeadUpdate",
    "Miss",
    "NotStorable",
    "Options",
    "Override",
    "PassOn",
    "Reuse",
    "Storable",
    "StoredResponse",
    "Validate",
    "after_failure",
    "after_head",
    "after_validation",
    "applied",
    "cache_status_lines",
    "deliver",
    "delivered_fields",
    "freshness",
    "invalidated",
    "key_of",
    "matching",
    "may_store",
    "request_plan",
    "revalidation",
    "select",
]
