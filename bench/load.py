"""The load generator `load.c`: compiled for this measurement, run on cores of its own, its outcome read."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from bench.processes import on_cores, program

_SOURCE = Path(__file__).with_name("load.c")
_GRACE_S = 30.0


class LoadError(Exception):
    """The load generator could not be compiled or run; says why in one line."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one load came to; all but `total` and `opened` without the warm-up.

    `wrong` are answers with another status, length or Cache-Status than expected, `failed` connections that broke,
    `fault` the first of either.  `cpu_s` is what the generator itself spent.
    """

    requests: int
    total: int
    s: float
    bytes: int
    hits: int
    wrong: int
    failed: int
    opened: int
    p50_us: float
    p99_us: float
    max_us: float
    cpu_s: float
    fault: str


def compiled(folder: Path) -> Path:
    """The program, made in the folder."""
    compiler = program("cc")
    if compiler is None:
        raise LoadError("no C compiler (Debian: gcc)")
    made = folder / "load"
    command = [compiler, "-O2", "-o", str(made), str(_SOURCE), "-lssl", "-lcrypto", "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        hint = " (Debian: libssl-dev)" if "openssl/" in done.stderr else ""
        raise LoadError(f"bench/load.c does not compile{hint}: {lines[0] if lines else done.stderr.strip()}")
    return made


def load(generator: Path, options: Sequence[object], bound_s: float, cores: Iterable[int] | None = None) -> Outcome:
    """Runs it with these options, which end it after `bound_s` at the latest."""
    command = [str(generator), *(str(option) for option in options)]
    with tempfile.TemporaryFile("w+") as told, on_cores(cores):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True)
        try:
            out = process.communicate(timeout=bound_s + _GRACE_S)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise LoadError(f"{command!r} did not end") from None
        told.seek(0)
        if process.returncode:
            raise LoadError(told.read().strip() or f"exit status {process.returncode}")
    said = json.loads(out)
    return Outcome(**{field.name: said[field.name] for field in fields(Outcome)})
