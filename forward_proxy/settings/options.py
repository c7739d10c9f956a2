"""What does each part get to know of the settings?  Its own options, and the folder it keeps its state in.

Nothing here needs the engine, so a command that only asks starts as fast as its answer allows.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from forward_proxy.access.grants import NO_GRANTS, Grants
from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.caching.directives import INFINITE
from forward_proxy.caching.options import Options as CachingOptions
from forward_proxy.policy.authentication import Authentication
from forward_proxy.policy.onboarding import Certificate, Onboarding
from forward_proxy.policy.refusals import NO_REFUSALS, PassingThrough, Refusals
from forward_proxy.policy.state import State
from forward_proxy.policy.unblocking import Unblocking
from forward_proxy.rulefiles.rules import Rules
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.updating import Options as UpdateOptions
from forward_proxy.settings.model import Settings
from forward_proxy.storage.options import Options as StoreOptions
from forward_proxy.traffic.options import Options as LogOptions

# Whoever says who they are may use the proxy from anywhere, unless there are addresses that it is for.
EVERYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


def state_of(
    settings: Settings,
    rules: Rules,
    grants: Grants = NO_GRANTS,
    key: bytes = b"",
    hashes: Mapping[str, bytes] | None = None,
    refusals: Refusals = NO_REFUSALS,
    certificate: Certificate | None = None,
) -> State:
    """The immutable snapshot that every decision is made from.

    `key` is that of this run's unblocking pages, `hashes` are those of the users, None when there are none.
    `certificate` is handed out, if TLS is opened.
    """
    return State(
        access=rules.access.granted(grants),
        access_options=access_options(settings),
        caching_options=caching_options(settings),
        anonymity=rules.anonymity,
        inspect=rules.inspect,
        cache=rules.cache,
        origin_via=rules.origin_via,
        safe_search=rules.safe_search,
        tracking=rules.tracking,
        default_level=settings.anonymity,
        inspect_by_default=settings.inspect,
        cache_by_default=settings.cache.enabled,
        offline=settings.offline == "on",
        unblocking=Unblocking(settings.unblock_from_page, settings.ask_from_page, key),
        onboarding=Onboarding(certificate, frozenset(settings.own_names), settings.allow_clients),
        pac=rules.pac,
        authentication=Authentication(hashes, settings.serves_users_only),
        passing_through=PassingThrough(refusals, int(settings.pass_through_s), settings.pass_through_despite_rules),
    )


def access_options(settings: Settings) -> AccessOptions:
    return AccessOptions(
        settings.default_verdict,
        settings.allow_clients or (EVERYWHERE if settings.serves_users_only else ()),
        frozenset(settings.connect_ports),
        settings.allow_private_targets,
        settings.purge_clients,
    )


def caching_options(settings: Settings) -> CachingOptions:
    return CachingOptions(
        shared=settings.cache_is_shared,
        max_content_bytes=settings.cache.max_content_bytes,
        heuristic_fraction=settings.cache.heuristic_fraction,
        heuristics_with_query=settings.cache.heuristics_with_query,
        targets=tuple(name.lower().encode() for name in settings.cache.targets),
        stale_while_revalidate_s=int(settings.cache.stale_while_revalidate_s),
        stale_if_error_s=int(settings.cache.stale_if_error_s),
        disconnected_stale_s=0 if settings.offline == "off" else INFINITE,
    )


def store_options(settings: Settings) -> StoreOptions:
    return StoreOptions(settings.cache.size_limit_bytes, settings.cache.reserve_bytes, settings.cache.max_content_bytes)


def log_options(settings: Settings) -> LogOptions:
    return LogOptions(settings.log.with_secrets, settings.log.keep_days, settings.log.max_size_bytes)


def ca_folder(settings: Settings) -> Path:
    return settings.state / "ca"


def store_folder(settings: Settings) -> Path:
    return settings.state / "responses"


def queue_folder(settings: Settings) -> Path:
    return settings.state / "queue"


def shelf_of(settings: Settings, apart: bool = False) -> Shelf:
    """Where lists that rules name are kept; `apart` while requests are answered."""
    return Shelf(lists_folder(settings), apart)


def lists_folder(settings: Settings) -> Path:
    return settings.state / "lists"


def update_options(settings: Settings) -> UpdateOptions:
    lists, offline = settings.lists, settings.offline == "on"
    return UpdateOptions(max(int(lists.refresh_s), 1), lists.max_shrink, settings.default_verdict, offline)


def grants_folder(settings: Settings) -> Path:
    return settings.state / "grants"


def refusals_folder(settings: Settings) -> Path:
    return settings.state / "refusals"


def budgets_folder(settings: Settings) -> Path:
    return settings.state / "budgets"


def log_folder(settings: Settings) -> Path:
    return settings.state / "traffic"
