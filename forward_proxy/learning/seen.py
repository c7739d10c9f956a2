"""What did a program ask for, and what came of it?  Records of exchanges, put together by what rules can tell apart.

A request is known by its origin, method and path.  Its query is no part of that: it changes with every call, and rules
about paths do not look at it.  A tunnel that was not opened is the method CONNECT and no path.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from forward_proxy.message.targets import Malformed, TargetUri, parse_authority, parse_target_uri, target_uri
from forward_proxy.traffic.record import Record

# Of the proxy's own making, or between it and the client alone.
_OWN = ("background", "page", "purge")
_DISTRUSTED = "tls_alert_received"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Scheme, canonical host and port (RFC 9110 §4.3.1)."""

    host: str
    port: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.scheme}://{TargetUri(self.scheme, self.host, self.port, '').authority}"


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """What was asked; of a tunnel the path is empty.  A masked secret in a path is `***`."""

    origin: Origin
    path: str
    method: str

    @property
    def is_tunnel(self) -> bool:
        return self.method == "CONNECT"

    def __str__(self) -> str:
        return f"{self.method} {self.origin}{self.path}"


@dataclass(slots=True)
class Evidence:
    """How often, when first, how much; `rule` is the id and place of what denied it, `why` its reason, or the fault.

    Of several rules or reasons it is the first that was met.
    """

    exchanges: int = 0
    first_at: float = float("inf")
    sent_bytes: int = 0
    received_bytes: int = 0
    rule: str = ""
    why: str = ""

    def add(self, other: "Evidence") -> None:
        self.exchanges += other.exchanges
        self.first_at = min(self.first_at, other.first_at)
        self.sent_bytes += other.sent_bytes
        self.received_bytes += other.received_bytes
        self.rule, self.why = self.rule or other.rule, self.why or other.why


type Found = dict[Asked, Evidence]


@dataclass(slots=True)
class Seen:
    """What was let through and answered, what was denied, what got no answer, and where the CA was not trusted.

    `unnamed` counts requests whose target could not be understood.
    """

    used: Found = field(default_factory=dict)
    denied: Found = field(default_factory=dict)
    failed: Found = field(default_factory=dict)
    distrusted: Found = field(default_factory=dict)
    unnamed: int = 0


def seen_in(records: Iterable[Record]) -> Seen:
    seen = Seen()
    for record in records:
        if record.outcome in _OWN or record.in_the_background:
            continue
        asked = _asked(record)
        if asked is None:
            seen.unnamed += record.exchanges
            continue
        _group(seen, record).setdefault(asked, Evidence()).add(_evidence(record))
    return seen


def _group(seen: Seen, record: Record) -> Found:
    if record.verdict == "denied":
        return seen.denied
    if record.kind == "tunnel" and record.error == _DISTRUSTED:
        return seen.distrusted
    went_out = record.response_bytes > 0 if record.kind == "tunnel" else record.origin is not None
    return seen.used if record.error is None or went_out else seen.failed


def _evidence(record: Record) -> Evidence:
    denied = record.verdict == "denied"
    rule = " at ".join(filter(None, (record.rule_id, record.rule))) if denied else ""
    why = record.reason or "" if denied else ": ".join(filter(None, (record.error, record.error_detail)))
    return Evidence(
        record.exchanges, record.started_at, record.request_bytes, record.response_bytes, rule=rule, why=why
    )


def _asked(record: Record) -> Asked | None:
    if record.kind == "tunnel":
        parts = parse_authority(record.target)
        target = target_uri("https", parts[0], parts[1], "") if parts else Malformed("")
        path = ""
    else:
        target = parse_target_uri(record.target)
        path = "" if isinstance(target, Malformed) else target.path
    if isinstance(target, Malformed):
        return None
    return Asked(Origin(target.host, target.port, target.scheme), path, record.method)
