"""What does the log still know of an exchange that rules could ask about?

A record keeps the target without its secrets, the client, the method, the second, the kind of resource and the page's
host.  It keeps no field and no content of a request, so some facts are only known in part, and are named in `unknown`
by the key that asks for them: `third_party` without a page, since a browser may have told it by Sec-Fetch-Site; `url`
where something in the target is masked or cut off, and `path` where that is in the path; `content_type` of what was
refused before there was a response; `user` where none was proved, and `listener` in what earlier versions logged.

What never got as far as the rules (a malformed target, a client that is not served, a purge) is no exchange of theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple, cast

from forward_proxy.access.rules import NO_RULE
from forward_proxy.matching.facts import RESOURCES
from forward_proxy.matching.media_types import essence
from forward_proxy.matching.sites import same_site
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.hosts import IPAddress, canonical_host
from forward_proxy.message.targets import Malformed, TargetUri, parse_authority, parse_target_uri, target_uri
from forward_proxy.traffic.redaction import MASK

_CUT = "…"
_NEVER_JUDGED = frozenset((("http_request_error", 400), ("http_request_error", 405), ("http_request_error", 421)))


class Row(NamedTuple):
    """The columns that rules could ask about, as they come from the log."""

    started_at: float
    client: str
    method: str
    target: str
    host: str
    outcome: str
    verdict: str
    rule: str | None
    rule_id: str | None
    reason: str | None
    content_type: str | None
    resource: str | None
    page: str | None
    error: str | None
    status: int | None
    exchanges: int
    user: str | None
    listener: int | None


COLUMNS = Row._fields


@dataclass(frozen=True, slots=True)
class Past:
    """An exchange as rules would have seen it; `subject` lacks the type of the response, which is `content_type`.

    `was_denied` and `by` are what the log says was decided and by which rule: where it stood, and its id; None when
    there was none.
    """

    subject: Subject
    content_type: str | None
    unknown: frozenset[str]
    was_denied: bool
    by: tuple[str | None, str | None]

    @property
    def is_tunnel(self) -> bool:
        return self.subject.is_tunnel


def read_row(values: Sequence[object]) -> Row | None:
    """The row, None when a value is not of its column's type; what is read from a file is untrusted."""
    row = Row(*values)  # type: ignore[arg-type]  # looked at below
    texts = (row.client, row.method, row.target, row.host, row.outcome, row.verdict)
    more = (row.rule, row.rule_id, row.reason, row.content_type, row.resource, row.page, row.error, row.user)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(text, str | None) for text in more):
        return None
    numbers = (row.started_at, row.listener or 0)
    if not all(isinstance(number, int | float) for number in numbers) or not 0 <= row.started_at < 2**37:
        return None
    return row if isinstance(row.exchanges, int) and row.exchanges > 0 else row._replace(exchanges=1)


def past(row: Row) -> Past | None:
    """What rules would have seen; None when they were not asked, or it names no target."""
    denied = row.verdict == "denied"
    unjudged = row.outcome in ("purge", "page") or row.error == "proxy_internal_error"
    if unjudged or (row.error, row.status) in _NEVER_JUDGED:
        return None
    if denied and row.rule is None and not (row.reason or "").startswith(NO_RULE):
        return None  # By a cap that no rule lifts.
    target = _tunnel(row.target) if row.method == "CONNECT" else _target(row.target)
    if target is None:
        return None
    at, client = int(row.started_at), _client(row.client)
    if row.method == "CONNECT":
        url = f"{target.scheme}://{target.authority}"
        host, port = target.host, target.port
        subject = Subject(
            "CONNECT", target.scheme, host, port, "", url, at, client, user=row.user, listener=row.listener
        )
        return Past(subject, None, frozenset(_unknown_of_client(row)), denied, (row.rule, row.rule_id))
    page = canonical_host(row.page) if row.page else None
    subject = Subject(
        row.method,
        target.scheme,
        target.host,
        target.port,
        target.path,
        row.target,
        at,
        client,
        cast(Resource, row.resource) if row.resource in RESOURCES else "other",
        page,
        None if page is None else not same_site(target.host, page),
        user=row.user,
        listener=row.listener,
    )
    answered = not denied and row.error is None and row.status is not None
    content_type = essence(row.content_type or "") if answered else None
    return Past(subject, content_type, _unknown(row, page, denied), denied, (row.rule, row.rule_id))


def _unknown(row: Row, page: str | None, denied: bool) -> frozenset[str]:
    keys = ["request_type", *_unknown_of_client(row)]
    if page is None:
        keys.append("third_party")
    if denied:
        keys.append("content_type")
    if MASK in row.target or _CUT in row.target:
        keys.append("url")
        before, mark, _ = row.target.partition("?")
        if MASK in before or not mark:
            keys.append("path")
    return frozenset(keys)


def _unknown_of_client(row: Row) -> list[str]:
    """Who it was that did not say so, and where earlier versions had clients come in."""
    return [key for key, known in (("user", row.user), ("listener", row.listener)) if known is None]


@lru_cache(maxsize=16384)
def _target(text: str) -> TargetUri | None:
    target = parse_target_uri(text)
    return None if isinstance(target, Malformed) else target


@lru_cache(maxsize=4096)
def _tunnel(text: str) -> TargetUri | None:
    """The target of a tunnel, which the log has as `host:port`."""
    authority = parse_authority(text)
    if authority is None or authority[1] is None:
        return None
    target = target_uri("https", authority[0], authority[1], "")
    return None if isinstance(target, Malformed) else target


@lru_cache(maxsize=4096)
def _client(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
