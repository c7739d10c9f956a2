"""What did this cache do, in one Cache-Status member?  RFC 9211.

Each cache adds its member at the end, the one nearest the client last (§2).  A response made here that rests on no
stored one, such as a denial or the 504 of only-if-cached, gets none (§2).
"""

from dataclasses import dataclass

from forward_proxy.message.fields import FieldLine, FieldSection

CACHE_NAME = "forward-proxy"


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """The parameters of §2.1 to §2.8; a hit has no `fwd`, and `fwd_status` is the inbound response's status."""

    hit: bool = False
    fwd: str = ""
    fwd_status: int | None = None
    ttl: int | None = None
    stored: bool = False
    collapsed: bool = False
    detail: str = ""

    def __str__(self) -> str:
        parameters = (
            "hit" if self.hit else "",
            f"fwd={self.fwd}" if self.fwd and not self.hit else "",
            f"fwd-status={self.fwd_status}" if self.fwd_status is not None else "",
            f"ttl={self.ttl}" if self.ttl is not None else "",
            "stored" if self.stored else "",
            "collapsed" if self.collapsed else "",
            f"detail={_string(self.detail)}" if self.detail else "",
        )
        return "; ".join((CACHE_NAME, *filter(None, parameters)))


def member(status: CacheStatus) -> FieldLine:
    """Our member as a line of its own, to be added after every other Cache-Status line."""
    return b"cache-status", str(status).encode("ascii")


def cache_status_lines(fields: FieldSection, status: CacheStatus) -> tuple[FieldLine, ...]:
    """Our member, after those that the caches nearer the origin have left among the fields."""
    return *[(b"cache-status", value) for value in fields.get_all(b"cache-status")], member(status)


def _string(text: str) -> str:
    """A String of RFC 9651 §3.3.3, which is ASCII without controls."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text[:200])
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
