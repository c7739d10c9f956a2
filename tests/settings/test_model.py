from pathlib import Path

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.addons.authority import CERTIFICATE_NAME
from forward_proxy.caching.options import Options as CachingOptions
from forward_proxy.settings import Settings
from forward_proxy.storage.options import Options as StorageOptions
from forward_proxy.traffic.options import Options as TrafficOptions

DEFAULTS = Settings(rules=(Path("/rules"),), state=Path("/state"))


def test_the_defaults_are_those_of_the_folders() -> None:
    access, caching, storage, traffic = AccessOptions(), CachingOptions(), StorageOptions(), TrafficOptions()
    assert (DEFAULTS.default_verdict, DEFAULTS.allow_clients) == (access.default, access.allow_clients)
    assert frozenset(DEFAULTS.connect_ports) == access.connect_ports
    assert DEFAULTS.allow_private_targets == access.allow_private_targets
    assert DEFAULTS.cache.heuristic_fraction == caching.heuristic_fraction
    assert DEFAULTS.cache.heuristics_with_query == caching.heuristics_with_query
    assert DEFAULTS.cache.size_limit_bytes == storage.size_limit_bytes
    assert DEFAULTS.cache.reserve_bytes == storage.reserve_bytes
    assert DEFAULTS.cache.max_content_bytes == storage.max_content_bytes
    assert (DEFAULTS.log.keep_days, DEFAULTS.log.max_size_bytes) == (traffic.keep_days, traffic.max_bytes)
    assert DEFAULTS.log.with_secrets == traffic.log_secrets


def test_the_certificate_is_the_one_that_the_authority_makes() -> None:
    assert DEFAULTS.ca_certificate == DEFAULTS.state / "ca" / CERTIFICATE_NAME
