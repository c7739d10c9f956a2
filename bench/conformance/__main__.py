"""`python -m bench.conformance SUITE`: what does the public suite for HTTP caches say of this proxy?

It runs in cleartext and inside TLS at once, with the fast lane and then without, and writes docs/conformance.md.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

from bench.conformance import report
from bench.conformance.processes import process
from bench.conformance.suite import HOST, Outcomes, Suite
from bench.processes import ROOT, free_port

_PROGRAM = (sys.executable, "-m", "forward_proxy", "run")
_LANE = "--fast-lane"
# What did not pass the last time.
_KEPT = Path(__file__).parent / "kept.json"


def main(suite: Suite) -> None:
    lanes = ["on", "off"] if _lane_can_be_chosen() else ["off"]
    runs: dict[str, dict[str, Outcomes]] = {"on": {}, "off": {}}
    with TemporaryDirectory(prefix="conformance-") as made:
        folder, authority = Path(made), trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "origin-ca.pem"))
        with suite.origin(folder) as cleartext, suite.origin(folder, authority) as tls:
            origins = {"cleartext": f"http://{HOST}:{cleartext}", "TLS": f"https://{HOST}:{tls}"}
            for lane in lanes:
                print(f"fast lane {lane}: {', '.join(origins)} ...", file=sys.stderr)
                runs[lane] = _runs(suite, lane if len(lanes) > 1 else None, origins, folder)
    named = {f"fast lane {lane}, {mode}": run for lane, modes in runs.items() for mode, run in modes.items()}
    compared, differing = report.parity(runs["on"], runs["off"])
    for line in (report.scores(named), *report.said(named, report.SCORED), "", compared, *differing):
        print(line)
    for test in report.needless(named):
        print(f"{test} passes: it needs no reason in bench/conformance/deviations.py any more")
    changes = list(report.since(json.loads(_KEPT.read_text()) if _KEPT.exists() else {}, named))
    for _, line in changes:
        print(line)
    _KEPT.write_text(json.dumps(report.kept(named), indent=1) + "\n", encoding="utf-8")
    document = report.document(named, suite.published(), compared, suite.version, suite.node_version)
    (ROOT / "docs" / "conformance.md").write_text(document, encoding="utf-8")
    sys.exit(bool(differing) or any(worse for worse, _ in changes))


def _lane_can_be_chosen() -> bool:
    told = subprocess.run([*_PROGRAM, "--help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    if _LANE not in told:
        print(f"Skipped: fast lane on. This proxy has no {_LANE}.", file=sys.stderr)
    return _LANE in told


def _runs(suite: Suite, lane: str | None, origins: dict[str, str], folder: Path) -> dict[str, Outcomes]:
    """What the suite says of one proxy, by mode; both modes at once, for most of the time they wait."""
    own = folder / f"proxy-{lane}"
    with _proxy(own, lane, origins) as address, ThreadPoolExecutor() as pool:
        ca = own / "state" / "ca" / "forward-proxy-ca.pem"
        asked = {
            mode: pool.submit(suite.outcomes, address, origin, ca, own / f"{mode}.json")
            for mode, origin in origins.items()
        }
        return {mode: outcomes.result() for mode, outcomes in asked.items()}


@contextmanager
def _proxy(folder: Path, lane: str | None, origins: dict[str, str]) -> Iterator[str]:
    """HOST:PORT of a proxy that runs until the block ends: empty, shared, without rules, and not anonymising."""
    (folder / "rules").mkdir(parents=True)
    (settings := folder / "settings.yaml").write_text("{}")
    address = f"127.0.0.1:{free_port()}"
    options = [("--listen", address), ("--settings", settings), ("--state", folder / "state")]
    options += [("--rules", folder / "rules"), ("--anonymity", "off"), ("--cache-profile", "shared")]
    options += [("--origin-ca", folder.parent / "origin-ca.pem")]
    for origin in origins.values():
        port = origin.rpartition(":")[2]
        options += [("--connect-port", port), ("--resolve", f"{HOST}:{port}:127.0.0.1")]
    if lane:
        options += [(_LANE, lane)]
    command = [*_PROGRAM, *(str(word) for option in options for word in option)]
    with process(command, "listening on ", folder / "proxy.log", {}, ROOT):
        yield address


if __name__ == "__main__":
    main(Suite(Path(sys.argv[1]) if sys.argv[1:] else None))
