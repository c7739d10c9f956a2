"""Under which key and with which options are responses stored, by the settings and the rules in force?

As for a plain GET from this machine; what a rule says of other clients is left out of account.
"""

from ipaddress import ip_address

from forward_proxy import caching
from forward_proxy.caching import CacheKey, Options, StoredResponse
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import NO_FIELDS
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri
from forward_proxy.policy import Policy
from forward_proxy.rulefiles.rules import load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import shelf_of, state_of

_HERE = KnownClient(ip_address("127.0.0.1"))


class Keeping:
    """The policy, asked about caching alone.  Raises RuleFileError when the rules are not sound."""

    def __init__(self, settings: Settings, now: int) -> None:
        rules = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
        self._policy = Policy(state_of(settings, rules))
        self._now = now

    def key(self, target: TargetUri) -> CacheKey:
        """The key that a response to this target is stored under."""
        request = RequestHead("GET", target, NO_FIELDS)
        return caching.key_of(request, self._policy.caching_options(request, _HERE, self._now))

    def options(self, stored: StoredResponse) -> Options:
        """What a stored response is judged by."""
        request = RequestHead("GET", stored.key.target, NO_FIELDS)
        return self._policy.caching_options(request, _HERE, self._now, stored)
