"""Who has to say who they are, and when?  RFC 9110 §11.7, RFC 7617.

Always, or when it is needed: when an entry of the rule files could match or not by who uses the client, and stands
before the one that would decide otherwise.  To fall through to the next one would be to act on what nobody knows.

What is not known can be asked for (407) where credentials can be sent: with a request in cleartext, and with CONNECT,
whose tunnel is then that user's.  So a CONNECT is asked for all that may be needed inside.  Inside there is no asking,
and what cannot be told is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.groups import asks_for_user
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.policy.decisions import Deny

type Entries = Sequence[Choice[object]]


@dataclass(frozen=True, slots=True)
class Authentication:
    """The hashes of the users by name, None when there is no file of them; `always` or when needed."""

    hashes: Mapping[str, bytes] | None = field(default=None, repr=False)
    always: bool = False


NO_AUTHENTICATION = Authentication()


class Authenticating:
    """What a policy asks about users; `before_tunnel` and `of_request` are the sections that each decision looks at."""

    def __init__(
        self,
        options: Authentication,
        access: AccessRules,
        before_tunnel: Iterable[Entries],
        of_request: Iterable[Entries],
    ) -> None:
        self._options = options
        self._access = access
        self._of_request = tuple(filter(_any_asks, of_request))
        self._before_tunnel = (*filter(_any_asks, before_tunnel), *self._of_request)
        self.needed = options.always or access.asks_for_user or bool(self._before_tunnel)

    def current(self, client: KnownClient) -> KnownClient:
        """The client without a user who is not one any more, or whose password is another now."""
        user = client.user
        if user is None or (self._options.hashes or {}).get(user.name) == user.entry:
            return client
        return replace(client, user=None)

    def of_tunnel(self, subjects: Sequence[Subject], client: KnownClient, *, inside: bool) -> Deny | None:
        """The answer to a CONNECT that has to say more, or to what is `inside` and cannot; None when it need not."""
        return self._refused(subjects, client, self._before_tunnel, inside=inside)

    def of_request(self, subjects: Sequence[Subject], client: KnownClient, *, inside: bool) -> Deny | None:
        """The same for a request."""
        return self._refused(subjects, client, self._of_request, inside=inside)

    def of_own_page(self, subject: Subject, client: KnownClient, *, inside: bool) -> Deny | None:
        """The same for whoever wants to know what is left of his budgets."""
        where = self._access.budget_by_user(subject) if client.user is None and self.needed else None
        return self._told(f"{where} depends on who asks", subject, client, inside=inside) if where else None

    def _refused(
        self, subjects: Sequence[Subject], client: KnownClient, sections: Iterable[Entries], *, inside: bool
    ) -> Deny | None:
        if not self.needed or client.user is not None or (why := self._why(subjects, sections)) is None:
            return None
        return self._told(why, subjects[0], client, inside=inside)

    def _told(self, why: str, subject: Subject, client: KnownClient, *, inside: bool) -> Deny:
        if self._options.hashes is None:
            status, reason = 403, "there are no users (setting users)"
        elif inside:
            status, reason = 403, "nobody said when this tunnel was opened, or it is true no more; open it again"
        elif client.unproved is not None:
            status, reason = client.unproved.status, client.unproved.reason
        else:
            status, reason = 407, "no name and password were sent"
        return Deny(status, "http_request_denied", f"{why}: {reason}", None, subject.resource, page=subject.page)

    def _why(self, subjects: Sequence[Subject], sections: Iterable[Entries]) -> str | None:
        """Why it matters who asks; None when it does not."""
        if self._options.always:
            return "this proxy serves its users only"
        for subject in subjects:
            where = self._access.undecided_by_user(subject)
            where = where or next(filter(None, (_undecided(entries, subject) for entries in sections)), None)
            if where is not None:
                return f"{where} depends on who asks"
        return None


def _undecided(entries: Entries, subject: Subject) -> RuleRef | None:
    """The entry before the one that decides of which nobody knows whether it matches, for want of a user."""
    for entry in entries:
        truth = entry.matcher.truth(subject)
        if truth:
            return None
        if truth is None and asks_for_user(entry.matcher):
            return entry.where
    return None


def _any_asks(entries: Entries) -> bool:
    return any(asks_for_user(entry.matcher) for entry in entries)
