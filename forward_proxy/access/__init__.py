"""May this client have this target?  Ordered rules (rules.py), and the caps that no rule can lift (targets.py)."""

from forward_proxy.access.options import Action, Options
from forward_proxy.access.rules import AccessRules, Allowed, Denied, Step, Verdict

__all__ = ["AccessRules", "Action", "Allowed", "Denied", "Options", "Step", "Verdict"]
