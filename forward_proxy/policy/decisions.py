"""What the policy decides: one small value for each outcome, each naming its cause.

A decision changes nothing.  What it wants changed (fields, the store) it carries as data, and the driver that answers
applies it once.
"""

from dataclasses import dataclass
from typing import Literal

from forward_proxy.access.budgets import Account
from forward_proxy.access.grants import Asked, Grant
from forward_proxy.access.modifying import Added
from forward_proxy.access.parents import Via
from forward_proxy.access.safesearch import AskedAs
from forward_proxy.anonymity import Level
from forward_proxy.caching import CacheKey, Delivery, Options, StoredResponse
from forward_proxy.cleaning import Cleaned
from forward_proxy.matching.subject import Resource, RuleRef, Subject
from forward_proxy.message.fields import NO_EDITS, Edits, FieldLine
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri
from forward_proxy.policy.refusals import Refusal


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """What becomes of stored responses: heads to write back, ids to drop, and targets whose responses are suspect."""

    freshened: tuple[StoredResponse, ...] = ()
    outdated: tuple[StoredResponse, ...] = ()
    invalidated: tuple[TargetUri, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.freshened or self.outdated or self.invalidated)


NO_CHANGES = StoreChanges()


@dataclass(frozen=True, slots=True)
class Deny:
    """Answered here, never forwarded; `error` is a type of RFC 9209 §2.3, `rule` None when no rule did it.

    `later` is whether the same request may be answered once its origin can be reached.  `page` is the host of the page
    that asked, for the log, `offer` what the person may do about it.  `surrogate` names what stands in for the response
    (access/surrogates), empty for nothing.
    """

    status: int
    error: str
    reason: str
    rule: RuleRef | None = None
    resource: Resource = "other"
    changes: StoreChanges = NO_CHANGES
    later: bool = False
    page: str | None = None
    offer: Literal["", "unblock", "ask"] = ""
    surrogate: str = ""

    @property
    def by_policy(self) -> bool:
        """Whether somebody's will refused it, rather than a fault."""
        return self.error == "http_request_denied"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What every request that is not denied carries along: who allowed it, and what its fields become.

    `edits` are all of them, `anonymised` those of the anonymity level alone; `caching_options` are for this exchange,
    `accounts` those whose budgets it uses, and `added` field lines that the response gets on its way to the client.
    `asked_as` is set where another host is dialled in place of the target's, `via` where an entry says by which way.
    `cleaned` is what has gone of the client's own target, which then is not that of `request`.
    """

    subject: Subject
    request: RequestHead
    outbound: RequestHead
    level: Level
    caching_options: Options
    edits: Edits = NO_EDITS
    anonymised: Edits = NO_EDITS
    rule: RuleRef | None = None
    reason: str = ""
    accounts: tuple[Account, ...] = ()
    added: tuple[Added, ...] = ()
    asked_as: AskedAs | None = None
    cleaned: Cleaned | None = None
    via: Via | None = None

    @property
    def told(self) -> str:
        """The reason, and what lists have added to the response."""
        return "; ".join(filter(None, (self.reason, *(f"adds {added}" for added in self.added))))


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answered here: the client is to ask for the clean target, or for where a wrapper leads, and see that it does.

    `rule` and `reason` are what let the request past.
    """

    subject: Subject
    cleaned: Cleaned
    rule: RuleRef | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Ask the storage for this key, then the policy again."""

    allowed: Allowed
    key: CacheKey


@dataclass(frozen=True, slots=True)
class Purge:
    """Remove what is stored under this key and tell how much it was, without asking the origin.

    With `tags` it is what this target's host has stored with any of them.  `soft` keeps it, stale from now on.
    """

    subject: Subject
    key: CacheKey
    tags: frozenset[bytes] = frozenset()
    soft: bool = False


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Answered with something of our own (unblocking.py, onboarding/), once what it carries is in force or noted.

    `fields` stand in place of those that a page of ours has.
    """

    subject: Subject
    content: bytes
    grant: Grant | None = None
    asked: Asked | None = None
    fields: tuple[FieldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """Send towards the origin; `fwd` is why, in the words of RFC 9211 §2.2.

    `key` is set when the answer may be stored under it, `candidates` when one of them may stand in for no answer.
    """

    allowed: Allowed
    fwd: str
    detail: str = ""
    key: CacheKey | None = None
    candidates: tuple[StoredResponse, ...] = ()


@dataclass(frozen=True, slots=True)
class Validate:
    """Send towards the origin with the validators of stored responses (RFC 9111 §4.3.1)."""

    allowed: Allowed
    fwd: str
    edits: Edits
    candidates: tuple[StoredResponse, ...]
    detail: str = ""
    key: CacheKey | None = None


@dataclass(frozen=True, slots=True)
class Serve:
    """Answer from the store; `fwd` tells why the origin was asked first, None when it was not.

    Before `until`, POSIX seconds, the same request is served alike but for age and ttl, as far as it is a matter of
    freshness; what rules and grants make of the time is another (`Policy.steady_until`).  With `validate_after` the
    origin is asked once the client has its answer.  `instead` of asking the origin for this request, another one's
    answer was waited for (`collapsed`), or something stale stands in for what cannot be had from it.
    """

    allowed: Allowed
    stored: StoredResponse
    delivery: Delivery
    fwd: str | None = None
    detail: str = ""
    changes: StoreChanges = NO_CHANGES
    until: int = 0
    validate_after: bool = False
    instead: Literal["", "collapsed", "stale"] = ""


@dataclass(frozen=True, slots=True)
class Relay:
    """Send the origin's response on, after the edits.

    `storing` is what to store while it passes, None for the reason in `detail`.
    """

    allowed: Allowed
    fwd: str
    edits: Edits
    anonymised: Edits
    storing: StoredResponse | None
    detail: str = ""
    changes: StoreChanges = NO_CHANGES


@dataclass(frozen=True, slots=True)
class Inspect:
    """Open this TLS connection and judge each request inside."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Why TLS is not opened, in words, empty for the settings; `refused` when the client would not have it."""

    told: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Relay bytes unread; they are use of these accounts' budgets, and `asked_as` and `via` are as for requests.

    `closed` is why TLS in it is not opened, None where there is nothing to tell.
    """

    rule: RuleRef | None = None
    reason: str = ""
    accounts: tuple[Account, ...] = ()
    asked_as: AskedAs | None = None
    closed: Closed | None = None
    via: Via | None = None

    @property
    def told(self) -> str:
        """Who let it pass, why it is not opened, and who answers in place of its host."""
        closed = self.closed.told if self.closed else ""
        return "; ".join(filter(None, (self.reason, closed, str(self.asked_as or ""))))


@dataclass(frozen=True, slots=True)
class Refused:
    """A client has refused the certificate that was shown to it: what is to be remembered of that, and why not more."""

    remembered: tuple[Refusal, ...]
    told: str
