"""How much of Referer is sent?  RFC 9110 §10.1.3, W3C Referrer Policy.

Between sites `standard` caps it at the origin, as Brave does whatever the page asks for: Brave first sent none, which
made navigations look like bots and frames break.  `strict` sends none between sites and the origin within one.  The
same origin gets what it knows anyway.  Userinfo and fragment never go, and nothing of an https page goes to http.

Deviation: a partial URI, which §10.1.3 allows and no browser sends, is dropped like any other value that is not an
http or https URI (`android-app://…` names an app).
"""

from enum import Enum, auto

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.treatment import Lines
from forward_proxy.message.targets import Malformed, TargetUri, parse_target_uri

_LONGEST_BYTES = 4096  # Beyond this Referrer Policy sends the origin alone.


class _Relation(Enum):
    SAME_ORIGIN = auto()
    SAME_SITE = auto()
    CROSS_SITE = auto()


def capped_referer(exchange: Exchange, lines: Lines) -> Lines:
    """Whole within a site, the origin between sites."""
    if (page := _page(exchange, lines)) is None:
        return ()
    return _origin(page) if _relation(exchange, page) is _Relation.CROSS_SITE else _whole(page, lines[0])


def least_referer(exchange: Exchange, lines: Lines) -> Lines:
    """Whole within an origin, the origin within a site, nothing between sites."""
    if (page := _page(exchange, lines)) is None:
        return ()
    match _relation(exchange, page):
        case _Relation.SAME_ORIGIN:
            return _whole(page, lines[0])
        case _Relation.SAME_SITE:
            return _origin(page)
        case _Relation.CROSS_SITE:
            return ()


def _page(exchange: Exchange, lines: Lines) -> TargetUri | None:
    """The one page that referred, unless it is unreadable or secure where the request is not."""
    if len(lines) != 1:
        return None
    page = parse_target_uri(lines[0].decode("latin-1"))
    if isinstance(page, Malformed) or (page.scheme == "https" and exchange.request.target.scheme == "http"):
        return None
    return page


def _relation(exchange: Exchange, page: TargetUri) -> _Relation:
    target, subject = exchange.request.target, exchange.subject
    if (page.scheme, page.host, page.port) == (target.scheme, target.host, target.port):
        return _Relation.SAME_ORIGIN
    if subject.third_party is False and subject.page in (None, page.host):
        return _Relation.SAME_SITE
    return _Relation.CROSS_SITE  # Also when it cannot be told: an origin is enough for every check but the oddest.


def _origin(page: TargetUri) -> Lines:
    return (f"{page.scheme}://{page.authority}/".encode("ascii"),)


def _whole(page: TargetUri, value: bytes) -> Lines:
    has_private_part = b"#" in value or b"@" in value.partition(b"?")[0]
    whole = str(page).encode("ascii") if has_private_part else value
    return (whole,) if len(whole) <= _LONGEST_BYTES else _origin(page)
