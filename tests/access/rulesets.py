"""Rule sets for the tests of this folder, from as few words as they need."""

from collections.abc import Mapping

from forward_proxy.access.options import Action
from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.subject import RuleRef
from tests.matching.requests import matcher


def rules(*entries: tuple[Action, Mapping[str, object]], default: Action = "allow") -> AccessRules:
    """Rules in this order; the first is r1 in line 1."""
    choices = (
        Choice(action, matcher(match), RuleRef("rules/a.yaml", line, f"r{line}"), f"because {line}")
        for line, (action, match) in enumerate(entries, 1)
    )
    return AccessRules(tuple(choices), default)
