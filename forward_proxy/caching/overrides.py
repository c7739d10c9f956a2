"""What has the operator to say about caching some responses, where RFC 9111 says something else or nothing?

An `Override` is one entry of `cache:` in a rule file; `where` names it for whoever asks why.  It decides as if the
origin had said so, with these limits: no lifetime of it makes an error fresh but `negative_s`, no key of it merges
origins but `same_as`, and nothing replays a Set-Cookie: a response whose Set-Cookie is ignored is stored without it.
"""

from dataclasses import dataclass, field

from forward_proxy.message.fields import FieldSection
from forward_proxy.message.targets import TargetUri

# What `ignore` may name: directives of responses, and then what else keeps responses from being stored or reused.
IGNORABLE_DIRECTIVES = frozenset(("no-store", "no-cache", "private", "must-revalidate", "proxy-revalidate"))
IGNORABLE = (*sorted(IGNORABLE_DIRECTIVES), "set-cookie", "authorization", "vary", "request-directives")


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What of a target URI tells stored responses apart.

    `drop` are names of query parameters, `drop_beginnings` what dropped names begin with; `drop_all` is the whole
    query.  `same_as` has the origin that stands in for the request's own, or, when `same_resource`, the whole key.
    """

    where: str = ""
    drop: frozenset[str] = frozenset()
    drop_beginnings: tuple[str, ...] = ()
    drop_all: bool = False
    sort_query: bool = False
    same_as: TargetUri | None = None
    same_resource: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """One entry.  Times are seconds: `min_fresh_s` and `max_fresh_s` bound the lifetime, `negative_s` is that of an
    error which names none."""

    where: str = ""
    bypass: bool = False
    min_fresh_s: int | None = None
    max_fresh_s: int | None = None
    negative_s: int | None = None
    ignore: frozenset[str] = frozenset()
    key: KeyRule | None = None
    pin: bool = False
    directives: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "directives", self.ignore & IGNORABLE_DIRECTIVES)

    def __str__(self) -> str:
        """The entry's words, for a list of entries."""
        lifetimes = (
            ("min_fresh_s", self.min_fresh_s),
            ("max_fresh_s", self.max_fresh_s),
            ("negative_s", self.negative_s),
        )
        words = ["bypass"] if self.bypass else []
        words += [f"{name} {seconds}" for name, seconds in lifetimes if seconds is not None]
        words += [f"ignore {word}" for word in IGNORABLE if word in self.ignore]
        words += ["key"] if self.key else []
        words += ["pin"] if self.pin else []
        return ", ".join(words)

    def makes_cacheable(self, status: int) -> bool:
        """Whether a response of this status gets a lifetime here even if nothing in it allows storing."""
        return (self.negative_s if is_negative(status) else self.min_fresh_s if status < 400 else None) is not None


def is_negative(status: int) -> bool:
    """Whether `negative_s` is about this status."""
    return status in (404, 410, 429) or 500 <= status < 600


def ignored(override: Override, directives: frozenset[str], request: FieldSection, response: FieldSection) -> list[str]:
    """Which words of `ignore` made a difference, given the names of the response's directives."""
    present = {
        "set-cookie": b"set-cookie" in response,
        "authorization": b"authorization" in request,
        "vary": b"vary" in response,
        "request-directives": b"cache-control" in request or b"pragma" in request,
    }
    return [word for word in IGNORABLE if word in override.ignore and (present.get(word) or word in directives)]
