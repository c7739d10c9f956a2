"""What is measured: the requests of each scenario, and what their answers have to be.

An 80/20 mix is drawn from a catalogue by Zipf's law (the object of rank i is asked for in proportion to 1/i).  The
most popular objects that together draw 80 % of the requests may be stored, and are, before anything is counted; the
rest, which draw 20 %, are `no-store`.  So the share of hits is the same for every proxy and does not drift.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from bench.peers import DENIED

CONNECTIONS = 16
SIZES = {"1k": 1024, "64k": 65536}
_HIT_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    load_s: float
    warm_up_s: float
    bulk_rounds: int
    bulk_bytes: int
    bulk_limit_s: float
    catalogue: int


QUICK = Plan(1, 0.8, 0.2, 1, 2**27, 10, 5_000)
FULL = Plan(3, 2, 0.5, 2, 2**30, 60, 100_000)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Requests for `path`, with a number for %llu; inside a tunnel with TLS when `secure`.

    `kind` says what counts: requests a second, latency at one client and at half of that rate, or bytes a second.
    `needs` are abilities of a proxy; `stored` how many objects have to be stored before, by number.
    """

    key: str
    heading: str
    path: str
    expect: Literal["hit", "miss", "any"]
    kind: Literal["rate", "latency", "bulk"] = "rate"
    needs: frozenset[str] = frozenset()
    secure: bool = False
    unread: bool = False
    conditional: bool = False
    fresh: bool = False
    status: int = 200
    length: int = 1024
    stored: int = 0
    catalogue: int = 0
    cold_path: str = ""


def hot_objects(catalogue: int) -> int:
    """How many of the most popular draw the share of hits."""
    sums = list(accumulate(1 / rank for rank in range(1, catalogue + 1)))
    return bisect_left(sums, _HIT_SHARE * sums[-1]) + 1


def scenarios(plan: Plan) -> list[Scenario]:
    """In the order of measuring: latency follows the hits whose rate it halves."""
    made = []
    for secure in False, True:
        made += [_secured(each) if secure else each for each in _requests(plan)]
        if secure:
            hit = _hit("1k", "handshake + hit 1 KiB")
            made.append(replace(_secured(hit), key="tls handshake", fresh=True))
    length = plan.bulk_bytes
    bulk_hit = Scenario("bulk hit", "hit", "/hit/bulk/1", "hit", "bulk", frozenset({"cache"}), length=length)
    bulk_miss = Scenario("bulk miss", "miss, stored", "/hit/bulk/1", "miss", "bulk", length=length)
    tunnel = Scenario("tunnel", "tunnel, not inspected", "/miss/bulk/1", "any", "bulk", unread=True, length=length)
    made += [bulk_miss, bulk_hit, _secured(bulk_miss), _secured(bulk_hit), tunnel]
    return [replace(each, needs=each.needs | {_layer(each)}) for each in made]


def _requests(plan: Plan) -> list[Scenario]:
    hot = hot_objects(plan.catalogue)
    return [
        _hit("1k", "hits 1 KiB"),
        replace(_hit("1k", "hits 1 KiB"), key="latency", kind="latency"),
        _hit("64k", "hits 64 KiB"),
        replace(_hit("1k", "hits, If-None-Match: 304"), key="304", conditional=True, status=304, length=0),
        Scenario("miss", "misses, no-store", "/miss/1k/%llu", "miss"),
        Scenario("stored miss", "misses, stored", "/hit/1k/new-%llu", "miss"),
        Scenario("denial", "denials", f"{DENIED}1", "any", needs=frozenset({"rules"}), status=403, length=-1),
        Scenario(
            "mix",
            "80/20 mix",
            "/hit/1k/zipf-%llu",
            "hit",
            stored=hot,
            catalogue=plan.catalogue,
            cold_path="/miss/1k/zipf-%llu",
        ),
    ]


def _hit(size: str, heading: str) -> Scenario:
    path = f"/hit/{size}/1"
    return Scenario(f"hit {size}", heading, path, "hit", needs=frozenset({"cache"}), length=SIZES[size], stored=1)


def _secured(each: Scenario) -> Scenario:
    return replace(each, key=f"tls {each.key}", secure=True)


def _layer(each: Scenario) -> str:
    return "tunnel" if each.unread else "tls" if each.secure else "cleartext"
