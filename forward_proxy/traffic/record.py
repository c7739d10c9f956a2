"""What is remembered of an exchange?  One record each, whoever answered it: a denial, a stored response, an origin.

Times are POSIX seconds as float.  Bytes count content (RFC 9110 §6.4), not framing or fields.  No field value is ever
here, only names of the fields that were changed.  Words are the RFCs': `cache` is `hit` or why the request went on,
`fwd=uri-miss` (RFC 9211 §2.1, §2.2), `error` an error type of RFC 9209 §2.3.

Of a flood of exchanges that are alike, one record may stand for several.
"""

from dataclasses import dataclass
from typing import Literal

type Kind = Literal["http", "tunnel", "websocket"]
type Verdict = Literal["allowed", "denied"]


# How the `cache_detail` of a request begins that was the proxy's own.
IN_THE_BACKGROUND = "in the background"


@dataclass(slots=True)  # Not to be changed, and yet not frozen: making one would take six times as long.
class Record:
    """One exchange; `id` is the log's, 0 until written, and grows in the order of writing.

    `outcome` is the short word of the live view: `hit`, `fwd=uri-miss`, `denied`, `tunnel`, `purge`, `page` for one of
    our own, `redirect` to a clean target, `error`; `stale` when something stored stood in for an origin, `collapsed`
    when another request's answer was waited for, and `background` for a request of the proxy's own, which has no status
    when it failed; `refused` when the client did not accept our certificate, and `pass-through` for a tunnel that is
    not opened because of that.  `rule` is where the deciding rule stands (`rules/10-trackers.yaml:12`), None when the
    default decided.  `cache_detail` says why in words, and of a purge how much it took.  `origin` is `ip:port`;
    `tls_version` is that towards the origin.  `page` is the host of the page that asked, `user` who proved to use the
    client, `listener` the port it came in by.  `cleaned` names what was removed from the target, parameters or
    `wrapper`, `cleaned_by` where who had it removed stands; a `redirect` leads to what is left, and any other target is
    what was left.  `via` is the parent proxy that led to the origin, whose address is then not known.

    With `exchanges` above 1 it stands for so many that differed in their times only: it has the start of the first and
    the end of the last of them, and the bytes of all; how long each took is not known.
    """

    started_at: float
    client: str
    method: str
    target: str
    host: str
    outcome: str
    id: int = 0
    kind: Kind = "http"
    first_byte_at: float | None = None
    ended_at: float | None = None
    status: int | None = None
    content_type: str | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    verdict: Verdict = "allowed"
    rule: str | None = None
    rule_id: str | None = None
    reason: str | None = None
    cache: str | None = None
    cache_stored: bool = False
    cache_detail: str | None = None
    anonymity: str | None = None
    changed_request_fields: tuple[str, ...] = ()
    changed_response_fields: tuple[str, ...] = ()
    origin: str | None = None
    client_http_version: str | None = None
    origin_http_version: str | None = None
    tls_version: str | None = None
    intercepted: bool = False
    resource: str | None = None
    page: str | None = None
    error: str | None = None
    error_detail: str | None = None
    exchanges: int = 1
    cleaned: tuple[str, ...] = ()
    cleaned_by: str | None = None
    user: str | None = None
    listener: int | None = None
    via: str | None = None

    @property
    def in_the_background(self) -> bool:
        """Whether the proxy asked by itself, for no client that waited."""
        return (self.cache_detail or "").startswith(IN_THE_BACKGROUND)

    @property
    def duration_s(self) -> float | None:
        """From the request's first byte to the answer's last; None while unknown, and of several exchanges."""
        return None if self.ended_at is None or self.exchanges != 1 else self.ended_at - self.started_at
