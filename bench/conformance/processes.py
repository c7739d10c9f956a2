"""A process that runs while a block does."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_START_S, _STOP_S, _POLL_S = 30.0, 10.0, 0.02


@contextmanager
def process(
    command: Sequence[str], ready: str, log: Path, environment: Mapping[str, str], folder: Path
) -> Iterator[None]:
    """Runs from when its output, which goes to `log`, has the word until the block ends; SystemExit if it never has.

    `environment` is added to ours, without what would set up the proxy.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORWARD_PROXY_")}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**inherited, **environment},
        )
    try:
        until = time.monotonic() + _START_S
        while ready.encode() not in log.read_bytes():
            if child.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command[0]} did not start:\n{log.read_text(errors='replace')}")
            time.sleep(_POLL_S)
        yield
    finally:
        child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
