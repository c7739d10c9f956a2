"""One round: every proxy is started, loaded scenario by scenario in turn with the others, and stopped.

What was answered is checked: each answer's status, length and Cache-Status by the load generator, the content of one
by us.  A scenario that is answered wrongly gives no figure for that proxy, but a fault that is told.
"""

import http.client
import shutil
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figures
from bench.load import LoadError, Outcome, load
from bench.origin import HOST, Origin
from bench.peers import WORKERS
from bench.processes import Peer, Running, StartError, running
from bench.scenarios import CONNECTIONS, SIZES, Plan, Scenario

CONTENTS = {name: (b"0123456789abcdef" * 4096)[:size] for name, size in SIZES.items()}

_FILL_S, _FILL_CONNECTIONS = 120, 8
_PATIENCE_S, _POLL_S = 10.0, 0.02


@dataclass(frozen=True, slots=True)
class Bench:
    """What a round needs, and what it has found so far."""

    plan: Plan
    peers: Sequence[Peer]
    scenarios: Sequence[Scenario]
    origin: Origin
    generator: Path
    folder: Path
    load_cores: Sequence[int]
    proxy_cores: Sequence[int]
    figures: Figures
    faults: list[str] = field(default_factory=list)

    def round(self, number: int) -> None:
        (folder := self.folder / f"round-{number}").mkdir(mode=0o755)
        url = f"http://{HOST}:{self.origin.http}/miss/1k/start"
        with ExitStack() as stack:
            started = []
            for peer in self.peers:
                cores = self.proxy_cores[: 2 if peer.name == WORKERS else 1]
                try:
                    started.append((peer, stack.enter_context(running(peer, url, folder, cores))))
                except (StartError, OSError) as fault:
                    self._fault(peer.name, fault)
            for peer, one in started:
                self._add(number, "start", peer, one.answered_s)
            for scenario in self.scenarios:
                if scenario.kind == "bulk" and number >= self.plan.bulk_rounds:
                    continue
                print(f"  {scenario.key}", file=sys.stderr)
                for peer, one in started:
                    if scenario.needs <= peer.abilities:
                        self._measure(number, scenario, peer, one)
            for peer, one in started:
                self._add(number, "memory", peer, one.resident_mib())
        shutil.rmtree(folder)  # Large contents were stored.

    def _fault(self, where: str, fault: Exception) -> None:
        self.faults.append(f"{where}: {fault}")
        print(f"  ! {where}: {fault}", file=sys.stderr)

    def _add(self, number: int, figure: str, peer: Peer, value: float) -> None:
        self.figures[figure][peer.name][number] = value

    def _measure(self, number: int, scenario: Scenario, peer: Peer, one: Running) -> None:
        try:
            options = self._options(scenario, peer, one)
            if scenario.kind == "latency":
                self._latency(number, scenario, peer, options)
            else:
                self._speed(number, scenario, peer, one, options)
        except (LoadError, OSError, http.client.HTTPException) as fault:
            self._fault(f"{peer.name}, {scenario.key}", fault)

    def _options(self, scenario: Scenario, peer: Peer, one: Running) -> list[object]:
        """Options of the load generator, once what has to be stored is."""
        origin = self.origin
        port = origin.tunnel if scenario.unread else origin.https if scenario.secure else origin.http
        options: list[object] = ["-p", one.port, "-a", f"{HOST}:{port}"]
        ca_file = origin.ca_file if scenario.unread else one.folder / peer.ca
        if scenario.secure or scenario.unread:
            options += ["-t", ca_file]
        caching = "cache" in peer.abilities
        if scenario.catalogue and caching:
            self._fill(scenario, options)
        elif (scenario.kind == "rate" and scenario.status == 200) or scenario.conditional:
            entity_tag = _checked(scenario, one.port, port, ca_file)
            options += ["-H", f"If-None-Match: {entity_tag}"] if scenario.conditional else []
        options += ["-u", scenario.path, "-S", scenario.status, "-L", scenario.length]
        options += ["-e", scenario.expect if caching else "any"]
        options += ["-s", time.monotonic_ns() // 1000]  # No number comes twice.
        if scenario.catalogue:
            options += ["-z", f"{scenario.catalogue}:{scenario.stored}", "-U", scenario.cold_path]
        return options + (["-f"] if scenario.fresh else [])

    def _fill(self, scenario: Scenario, options: list[object]) -> None:
        """Asks for each of the hot objects, twice: what was not stored at once is then."""
        bounds = ["-n", scenario.stored, "-d", _FILL_S, "-c", _FILL_CONNECTIONS]
        for _ in range(2):
            outcome = load(self.generator, [*options, "-u", scenario.path, *bounds], _FILL_S, self.load_cores)
            if outcome.requests < scenario.stored or outcome.wrong + outcome.failed:
                raise LoadError(f"not filled: {outcome}")

    def _speed(self, number: int, scenario: Scenario, peer: Peer, one: Running, options: list[object]) -> None:
        plan = self.plan
        if bulk := scenario.kind == "bulk":
            bounds: list[object] = ["-n", 1, "-d", plan.bulk_limit_s]
            bounds += ["-x"] if scenario.secure or scenario.unread else []
        else:
            bounds = ["-c", CONNECTIONS, "-w", plan.warm_up_s, "-d", plan.load_s]
        before_s, began_at = one.cpu_s(), time.monotonic()
        outcome = self._loaded([*options, *bounds])
        spent_s, lasted_s = one.cpu_s() - before_s, time.monotonic() - began_at
        # Requests or megabytes: of the time that counts, and of the time that CPU was measured in.
        counted, all_counted = [outcome.bytes / 1e6] * 2 if bulk else (outcome.requests, outcome.total)
        found = {
            scenario.key: counted / outcome.s,
            f"cpu {scenario.key}": 1000 * spent_s / all_counted,
            f"busy {scenario.key}": spent_s / lasted_s,
            f"generator {scenario.key}": outcome.cpu_s / outcome.s,
        }
        if not bulk and not scenario.fresh:
            found[f"opened {scenario.key}"] = outcome.opened / outcome.total
        for figure, value in found.items():
            self._add(number, figure, peer, value)

    def _latency(self, number: int, scenario: Scenario, peer: Peer, options: list[object]) -> None:
        prefix = "tls " if scenario.secure else ""
        rate = self.figures[f"{prefix}hit 1k"][peer.name].get(number)
        if rate is None:
            raise LoadError("its rate is not known")
        bounds = ["-w", self.plan.warm_up_s, "-d", self.plan.load_s]
        for name, more in ("one", ["-c", 1]), ("half", ["-c", CONNECTIONS, "-r", f"{rate / 2:.0f}"]):
            outcome = self._loaded([*options, *bounds, *more])
            self._add(number, f"{scenario.key} {name} p50", peer, outcome.p50_us / 1000)
            self._add(number, f"{scenario.key} {name} p99", peer, outcome.p99_us / 1000)

    def _loaded(self, options: Sequence[object]) -> Outcome:
        bound_s = self.plan.warm_up_s + max(self.plan.load_s, self.plan.bulk_limit_s)
        outcome = load(self.generator, options, bound_s, self.load_cores)
        if outcome.wrong or outcome.failed:
            fault = " | ".join(outcome.fault.splitlines())
            raise LoadError(f"{outcome.wrong} wrong answers, {outcome.failed} broken connections; {fault}")
        if not outcome.requests:
            raise LoadError(f"not one whole answer in time, {outcome.bytes / outcome.s / 1e6:.0f} MB/s until then")
        return outcome


def _checked(scenario: Scenario, proxy: int, port: int, ca_file: Path) -> str:
    """The entity tag of an answer that has the right content; what is to be a hit is one from now on."""
    path = scenario.path.replace("%llu", "checked")
    expected = CONTENTS[path.split("/")[2]]
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        answer, content = _asked(path, proxy, port, ca_file if scenario.secure else None)
        if (answer.status, content) != (200, expected):
            raise LoadError(f"{path} was answered {answer.status} with {len(content)} bytes, not all as they should be")
        told = answer.headers.get("cache-status", answer.headers.get("x-cache", "hit"))
        if scenario.expect != "hit" or "hit" in told.lower():
            return answer.headers.get("etag", "")
        if time.monotonic() > deadline:
            raise LoadError(f"{path} is never a hit: {told}")
        time.sleep(_POLL_S)


def _asked(path: str, proxy: int, port: int, ca_file: Path | None) -> tuple[http.client.HTTPResponse, bytes]:
    connection: http.client.HTTPConnection
    if ca_file:
        context = ssl.create_default_context(cafile=str(ca_file))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Squid's certificates lack what Python would like to see.
        connection = http.client.HTTPSConnection("127.0.0.1", proxy, timeout=_PATIENCE_S, context=context)
        connection.set_tunnel(HOST, port)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=_PATIENCE_S)
        path = f"http://{HOST}:{port}{path}"
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()
