"""Which policy does this process decide by?  Never an older one than any worker has begun to decide by.

One worker watches the files.  It publishes what it loaded before it decides by it; every other compares a number before
each decision, and makes the same set from what was published, whatever has become of the files since.  A set that does
not load is published by nobody.  Grants, which come before the rules, are looked after in the same way (grants.py).
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from forward_proxy.access.grants import NO_GRANTS, Grants
from forward_proxy.policy import Policy
from forward_proxy.rulefiles import Rules
from forward_proxy.rulefiles.rules import Pins, Sources
from forward_proxy.users.file import UsersInForce
from forward_proxy.workers.budgets import UseOfBudgets
from forward_proxy.workers.grants import GrantsInForce
from forward_proxy.workers.refusals import RefusalsInForce
from forward_proxy.workers.shared import Shared


class RulesInForce:
    """Call it for the policy; `build` makes one of a rule set, `compiled` a rule set of what another worker has read.

    Without `shared` this process is the only one, without `granted` there are no grants, without `used` nothing is
    used of budgets, and without `refused` no refusal is remembered.  `build` looks at users and refusals itself; here
    they are looked after.
    """

    def __init__(
        self,
        rules: Rules,
        build: Callable[[Rules, Grants], Policy],
        compiled: Callable[[Sources, Pins], Rules],
        shared: Shared | None = None,
        granted: GrantsInForce | None = None,
        used: UseOfBudgets | None = None,
        users: UsersInForce | None = None,
        refused: RefusalsInForce | None = None,
    ) -> None:
        self.rules = rules
        self._build = build
        self._compiled = compiled
        self._shared = shared
        self._granted = granted
        self._users = users
        self.used = used
        self.refused = refused
        self._rationed: UseOfBudgets | None = None  # The same, while any rule has a budget.
        self._grants = granted.read() if granted is not None else NO_GRANTS
        self._lock = threading.Lock()
        self._version = 0
        self._policy = self._made(rules, self._grants)
        if shared is not None:
            self._version = shared.publish(rules.sources, rules.pins)

    def __call__(self) -> Policy:
        """The policy in force."""
        if self._shared is not None and self._shared.version != self._version:
            self.catch_up()
        if self._granted is not None and self._granted.outdated:
            self._grant(self._granted)
        if self._users is not None and self._users.outdated:
            self._know(self._users)
        if self._rationed is not None and self._rationed.outdated:
            self._account(self._rationed)
        if self.refused is not None and self.refused.outdated:
            self._refuse(self.refused)
        return self._policy

    def replace(self, rules: Rules) -> None:
        """From here on, every worker decides by this set.  Raises OSError when the others cannot be handed it."""
        with self._lock:
            policy = self._made(rules, self._grants)
            version = self._shared.publish(rules.sources, rules.pins) if self._shared is not None else 0
            self.rules, self._policy, self._version = rules, policy, version

    def catch_up(self) -> None:
        """Take over what another worker published.  Raises OSError."""
        if self._shared is None:
            return
        with self._lock:
            if self._shared.version == self._version:
                return
            published = self._shared.published()
            self.rules = self._compiled(published.sources, published.pins)
            self._policy, self._version = self._made(self.rules, self._grants), published.version

    def _know(self, users: UsersInForce) -> None:
        with self._lock:
            before = users.users
            if users.read() is not before:
                self._policy = self._made(self.rules, self._grants)

    def _grant(self, granted: GrantsInForce) -> None:
        with self._lock:
            if granted.outdated:
                grants = granted.read()
                if grants != self._grants:  # Or what is remembered by the policy would be for nothing.
                    self._grants, self._policy = grants, self._made(self.rules, grants)

    def _refuse(self, refused: RefusalsInForce) -> None:
        with self._lock:
            if refused.outdated and refused.read():
                self._policy = self._made(self.rules, self._grants)

    def _account(self, used: UseOfBudgets) -> None:
        with self._lock:
            if used.outdated:
                self._policy = self._made(self.rules, self._grants)

    def _made(self, rules: Rules, grants: Grants) -> Policy:
        if self.used is not None:
            self._rationed = self.used if rules.access.budgets else None
            rules = replace(rules, access=self.used.of(rules.access))
        return self._build(rules, grants)
