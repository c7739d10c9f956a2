"""`python -m bench.soak [COUNT] [on|off]`: does the proxy stay as small as it was through a million mixed requests?

Clients ask as they should (hits, misses, denials, conditionals, ranges, POST, in the clear and in tunnels) and as they
should not: they leave in the middle of a request, a handshake or an answer, close their half, send garbage.  Every
answer is checked.  Exit status 1 when one was wrong or missing, when resident memory in the last quarter is over 5 %
above that in the third, when descriptors stay open after all clients have left, or when time is up before the end.
`on` or `off` is the fast lane's, where this version has one.
"""

import asyncio
import os
import random
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.origin import running_origin
from bench.peers import ours, run_knows
from bench.processes import Running, running
from bench.soaking import Visitor, WrongAnswer

_CLIENTS = 32
_WARM_UP = 2_000
_SAMPLE_S, _SETTLE_S = 1.0, 60.0
_GROWTH, _SPARE_DESCRIPTORS = 1.05, 8
_LEAST_PER_S = 200  # The whole takes no longer than this would, and two minutes.
_FAULTS_MAX = 20


@dataclass(slots=True)
class Soak:
    """One run: its visits are shared by all clients, and counted by kind."""

    visitor: Visitor
    one: Running
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    # How many visits there had been, resident MiB, open descriptors.
    samples: list[tuple[int, float, int]] = field(default_factory=list)

    async def run(self, count: int, bound_s: float) -> None:
        """Ends after so many visits, or so many seconds, or when too much went wrong."""
        sampling = asyncio.create_task(self._sample())
        try:
            async with asyncio.timeout(bound_s):
                await asyncio.gather(*(self._visit(count, random.Random(seed)) for seed in range(_CLIENTS)))  # noqa: S311
        except TimeoutError:
            self.faults.append(f"time was up after {self.counts.total():,} of {count:,}")
        finally:
            sampling.cancel()

    async def _visit(self, count: int, choice: random.Random) -> None:
        while self.counts.total() < count and len(self.faults) < _FAULTS_MAX:
            try:
                await self.visitor.visit(choice, lambda kind: self.counts.update((kind,)))
            except WrongAnswer as fault:
                self.faults.append(str(fault))

    async def _sample(self) -> None:
        while True:
            self.samples.append((self.counts.total(), self.one.resident_mib(), self.one.descriptors()))
            await asyncio.sleep(_SAMPLE_S)


def main(words: Sequence[str]) -> int:
    count = int(words[0]) if words and words[0] else 1_000_000
    lane = words[1] if words[1:] else "on"
    flags = ("--fast-lane", lane) if run_knows("--fast-lane") else ()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        (folder := Path(name)).chmod(0o755)
        files: dict[str, bytes | int] = {"1k": b"x" * 1024, "64k": b"y" * 65536, "4m": 2**22}
        with running_origin(folder / "origin", files) as origin:
            url = f"http://localhost:{origin.http}/miss/1k/start"
            with running(peer := ours(origin, "proxy", *flags), url, folder) as one:
                context = ssl.create_default_context(cafile=str(one.folder / peer.ca))
                return asyncio.run(_soak(Visitor(one.port, origin, context), one, count))


async def _soak(visitor: Visitor, one: Running, count: int) -> int:
    warm_up = Soak(visitor, one)
    await warm_up.run(_WARM_UP, _WARM_UP / _LEAST_PER_S + 120)
    before = await _settled(one, 0)
    soak = Soak(visitor, one)
    began_at = time.monotonic()
    await soak.run(count, count / _LEAST_PER_S + 120)
    lasted_s = time.monotonic() - began_at
    after = await _settled(one, before + _SPARE_DESCRIPTORS)
    print(f"{soak.counts.total():,} visits in {lasted_s:.0f} s: {dict(sorted(soak.counts.items()))}")
    faults = warm_up.faults + soak.faults
    if len(found := list(quarters(soak.samples, count))) == 4:
        for number, (resident, descriptors) in enumerate(found, 1):
            print(f"quarter {number}: {resident:,.1f} MiB resident, {descriptors:,.0f} descriptors open")
        if found[3][0] > _GROWTH * found[2][0]:
            faults.append(f"resident memory grew by {found[3][0] / found[2][0] - 1:.1%} in the last quarter")
    else:
        faults.append("too short to tell quarters apart")
    print(f"descriptors without clients: {before} before, {after} after")
    if after > before + _SPARE_DESCRIPTORS:
        faults.append(f"{after - before} descriptors were not closed")
    for fault in faults:
        print(f"! {fault}")
    return 1 if faults else 0


def quarters(samples: Sequence[tuple[int, float, int]], count: int) -> Iterator[tuple[float, float]]:
    """Medians of resident memory and of open descriptors, of each quarter that has samples."""
    for number in range(4):
        part = [each for each in samples if count * number / 4 <= each[0] < count * (number + 1) / 4]
        if part:
            yield median(each[1] for each in part), median(each[2] for each in part)


async def _settled(one: Running, most: int) -> int:
    """Open descriptors once they are no more than `most`, or no longer fewer from one second to the next."""
    deadline = time.monotonic() + _SETTLE_S
    before = one.descriptors()
    while before > most and time.monotonic() < deadline:
        await asyncio.sleep(2 * _SAMPLE_S)
        now = one.descriptors()
        if now == before and not most:
            break
        before = now
    return before


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    os._exit(130)
