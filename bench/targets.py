"""What this proxy is meant to reach, and whether it did in this run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.figures import Figures, middle, ratio
from bench.peers import BARE, BUMP, CHAIN, LANE, SQUID, WORKERS

_NOT_MEASURED = "not measured"
# Key, other proxy and the least ratio to it, by what is promised.
_RATIOS = {
    "hits 1 KiB, cleartext": ("hit 1k", SQUID, 2.0),
    "hits 64 KiB, cleartext": ("hit 64k", SQUID, 2.0),
    "denials, cleartext": ("denial", SQUID, 2.0),
    "hits 1 KiB, TLS": ("tls hit 1k", BUMP, 1.5),
    "hits 64 KiB, TLS": ("tls hit 64k", BUMP, 1.5),
    "handshake + hit": ("tls handshake", BUMP, 1.1),
    "misses, cleartext": ("miss", BARE, 1.5),
    "misses that are stored, cleartext": ("stored miss", BARE, 1.5),
    "misses, TLS": ("tls miss", BARE, 1.5),
    "80/20 mix, cleartext": ("mix", BARE, 4.0),
    "80/20 mix, TLS": ("tls mix", BARE, 4.0),
    "tunnel": ("tunnel", SQUID, 1.0),
}
# Key and the most, by what is promised.
_BOUNDS = {
    "p99 of a hit at one client, cleartext: ms": ("latency one p99", 1.0),
    "p99 of a hit at one client, TLS: ms": ("tls latency one p99", 1.0),
    "start to first answer: s": ("start", 1.5),
}
_NEVER_SLOWER = 0.97
_TWO_WORKERS = 1.8


@dataclass(frozen=True, slots=True)
class Judged:
    """`by_cpu` is the same ratio by CPU time for as many requests: what other work on the machine disturbs least."""

    text: str
    measured: str
    by_cpu: str
    verdict: str


def judged(figures: Figures) -> Iterator[Judged]:
    """The targets in the order of the issue that set them, nearly."""
    ours = LANE if any(by_name.get(LANE) for by_name in figures.values()) else CHAIN
    for what, (key, other, least) in _RATIOS.items():
        found = ratio(figures, key, ours, other), ratio(figures, f"cpu {key}", other, ours)
        yield _judged(f"{what} ≥ {least:g} × {other}", *found, least, at_least=True)
    slowest = min(_lane_ratios(figures), default=None)
    text = f"{LANE} never slower than {CHAIN} by more than 3 %"
    if slowest is None:
        yield Judged(text, "–", "–", _NOT_MEASURED)
    else:
        found = slowest[0], ratio(figures, f"cpu {slowest[1]}", CHAIN, LANE)
        yield _judged(f"{text}; least: {slowest[1]}", *found, _NEVER_SLOWER, at_least=True)
    for what, (key, most) in _BOUNDS.items():
        yield _judged(f"{what} < {most:g}", middle(figures, key, ours), None, most, at_least=False)
    workers = ratio(figures, "hit 1k", WORKERS, LANE)
    yield _judged(f"{WORKERS} ≥ {_TWO_WORKERS} × one, hits 1 KiB", workers, None, _TWO_WORKERS, at_least=True)


def _lane_ratios(figures: Figures) -> Iterable[tuple[float, str]]:
    """Of all that is the better the more it is: requests and bytes a second."""
    others = ("cpu ", "busy ", "opened ", "generator ", "latency", "tls latency", "start", "memory")
    for key in list(figures):
        if not key.startswith(others) and (found := ratio(figures, key, LANE, CHAIN)) is not None:
            yield found, key


def _judged(text: str, measured: float | None, by_cpu: float | None, bound: float, at_least: bool) -> Judged:
    if measured is None:
        return Judged(text, "–", "–", _NOT_MEASURED)
    met = measured >= bound if at_least else measured < bound
    missed = f"missed by {1 - measured / bound:.0%}" if at_least else f"missed: {measured / bound:.2g} × the bound"
    told = "–" if by_cpu is None else f"{by_cpu:.2f}"
    return Judged(text, f"{measured:.2f}", told, "met" if met else missed)
