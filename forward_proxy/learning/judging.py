"""What do rules make of what was asked?  As rules see it: without fields, from this machine."""

from forward_proxy.access.rules import AccessRules
from forward_proxy.learning.seen import Asked
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri
from forward_proxy.traffic.redaction import MASK


def subject(asked: Asked, at: int) -> Subject:
    """The request or tunnel at POSIX second `at`; a masked secret is taken for some letter."""
    origin, path = asked.origin, asked.path.replace(MASK, "x")
    target = TargetUri(origin.scheme, origin.host, origin.port, path)
    return subject_of(RequestHead(asked.method, target, FieldSection(())), None, at)


def may_allow_host(rules: AccessRules, asked: Asked, at: int) -> bool:
    """Whether an entry allows anything at all of this host."""
    wanted = subject(asked, at)
    allowing = (choice.matcher.hosts for choice in rules.rules if choice.value == "allow")
    return any(hosts is None or hosts.holds(wanted) for hosts in allowing)
