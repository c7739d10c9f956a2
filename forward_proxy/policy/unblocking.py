"""May this person unblock what was denied, or ask for it, from the page that says so?

The page that denies stands in the denied site's name, where that site's scripts may read and press whatever there is;
so there is only a link on it.  The buttons stand on a page of our own (pages.py), and what they send is heeded only
when all of this holds:

- the client is among those the settings name;
- the method is POST and Origin is this very page's (Fetch §3.2: browsers set it, scripts cannot);
- the token was made for this client, target and duration, a few minutes ago at most, with a key that nobody outside
  this program has.  Another origin cannot read the page, so it has no token.

What is denied for a while (access/grants.py) cannot be undone from here.  A page outlives no restart: the key is new.

Without an address to unblock it is the page that tells every client what is left of its budgets.
"""

import hashlib
import hmac
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from forward_proxy.access.grants import PLACE, Asked, Grant, lasting
from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.clients import Network, network_of
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import IPAddress, ip_literal, unmapped
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri
from forward_proxy.policy.decisions import Deny, OwnPage
from forward_proxy.policy.pages import HOST, address, page

LASTING_S = (900, 3600)
_TOKEN_S = 600
_LONGEST_QUERY = 8192

type May = Literal["", "unblock", "ask"]


@dataclass(frozen=True, slots=True)
class Unblocking:
    """Who may unblock for a while, who may ask for it, and the key of this run; without a key no button works."""

    may_unblock: tuple[Network, ...] = ()
    may_ask: tuple[Network, ...] = ()
    key: bytes = b""

    def may(self, client: IPAddress) -> May:
        """What this client may do about a denial."""
        known = unmapped(client)
        if any(known in network for network in self.may_unblock):
            return "unblock"
        return "ask" if any(known in network for network in self.may_ask) else ""


NOBODY = Unblocking()


def offered(unblocking: Unblocking, client: IPAddress, rule: RuleRef | None) -> May:
    """What is offered to the client on a page that denies by this rule."""
    return "" if rule is not None and rule.file == PLACE else unblocking.may(client)


def tells_budgets(head: RequestHead) -> bool:
    """Whether this asks for the page that tells a client what is left of its budgets."""
    target = head.target
    return target.authority == HOST and target.path == "/" and target.query is None


def on_page(
    head: RequestHead, subject: Subject, client: IPAddress, now: int, unblocking: Unblocking, access: AccessRules
) -> Deny | OwnPage | None:
    """The answer to a request for our own page; None when this client has no business there, and it is nobody's."""
    target = head.target
    if target.host != HOST or target.authority != HOST:
        return None
    if tells_budgets(head) and (rows := _rows(access, subject)):
        return OwnPage(subject, page("What is left today", rows, ""))
    if not (may := unblocking.may(client)):
        return None
    query = dict(parse_qsl(target.query or "")) if len(target.query or "") < _LONGEST_QUERY else {}
    wanted = parse_target_uri(query.get("url", ""))
    if target.path != "/" or isinstance(wanted, Malformed):
        return Deny(404, "http_request_error", "there is no such page", resource=subject.resource)
    if (denial := access.grants.denial_near(wanted.host, client, now)) is not None:
        return Deny(403, "http_request_denied", denial.told, denial.where, subject.resource)
    if head.method in ("GET", "HEAD"):
        return OwnPage(subject, _offer(may, wanted, client, now, unblocking.key, target.scheme))
    if head.method != "POST":
        return Deny(405, "http_request_error", "this page knows GET and POST", resource=subject.resource)
    origin = f"{target.scheme}://{HOST}".encode()
    for_s = _sent_by_our_page(query, may, wanted, client, now, unblocking.key)
    if head.fields.get(b"origin") != origin or for_s is None:
        reason = "this page is too old, or was not the one that asked; open it again"
        return Deny(403, "http_request_denied", reason, resource=subject.resource)
    return _done(may, subject, wanted, client, now, for_s)


def _rows(access: AccessRules, subject: Subject) -> list[tuple[str, str]]:
    """Name and words of each budget of this client's."""
    return [(standing.account.rule, standing.told) for standing in access.of_client(subject)]


def _offer(may: May, wanted: TargetUri, client: IPAddress, now: int, key: bytes, scheme: str) -> bytes:
    until = now + _TOKEN_S
    buttons = ""
    for for_s in LASTING_S if may == "unblock" else (0,):
        token = _token(key, may, wanted, client, for_s, until)
        query = {"url": str(wanted), "for": str(for_s), "until": str(until), "token": token}
        words = f"Unblock for {lasting(for_s)}" if for_s else "Ask for access"
        # What would be fields of the form stands in its address: nobody has to read its content.
        action = html.escape(address(scheme, **query))
        buttons += f'<button formaction="{action}" name="do" value="{may}">{words}</button>'
    title = f"Unblock {wanted.host}?" if may == "unblock" else f"Ask for {wanted.host}?"
    meant = wanted.host if ip_literal(wanted.host) else f"{wanted.host} and all below it"
    rows = [("What", meant), ("For whom", str(client)), ("Address", str(wanted))]
    return page(title, rows, f'<form method="post">{buttons}</form>')


def _sent_by_our_page(
    query: Mapping[str, str], may: May, wanted: TargetUri, client: IPAddress, now: int, key: bytes
) -> int | None:
    """For how long, if the query is one of those that `_offer` made."""
    texts = query.get("for", ""), query.get("until", "")
    if not key or not all(text.isascii() and text.isdecimal() and len(text) <= 12 for text in texts):
        return None
    for_s, until = map(int, texts)
    token = _token(key, may, wanted, client, for_s, until)
    sound = hmac.compare_digest(token.encode(), query.get("token", "").encode())
    return for_s if sound and now < until else None


def _token(key: bytes, may: May, wanted: TargetUri, client: IPAddress, for_s: int, until: int) -> str:
    # No part holds a line feed, so no two sets of parts have the same text.
    signed = "\n".join((may, str(wanted), str(unmapped(client)), str(for_s), str(until)))
    return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()


def _done(may: May, subject: Subject, wanted: TargetUri, client: IPAddress, now: int, for_s: int) -> OwnPage:
    what = HostPattern(wanted.host, below=ip_literal(wanted.host) is None)
    whom = unmapped(client)
    again = html.escape(str(wanted))
    if may == "ask":
        rows = [("What", wanted.host), ("For whom", str(whom))]
        told = page("Asked for", rows, f'<p>Once it is approved, <a href="{again}">{again}</a> opens.')
        return OwnPage(subject, told, asked=Asked(0, what, whom, now))
    grant = Grant(0, "allow", what, network_of(whom), now, now + for_s, f"{whom} from the page")
    rows = [("What", wanted.host), ("For whom", str(whom)), ("How long", lasting(for_s))]
    told = page("Unblocked", rows, f'<p class="go"><a href="{again}">Open it</a></p>')
    return OwnPage(subject, told, grant=grant)
