"""Compiles a list in a process of its own, since sorting a million names keeps all threads of a process waiting.

    python -m forward_proxy.rulefiles.compiling FOLDER FORMAT < LIST

What it makes is kept in FOLDER, where whoever asked finds it.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

SMALL_BYTES = 100_000
_WITHIN_S = 120
_NICE = 10


def compile_apart(folder: Path, format_name: str, content: bytes) -> bool:
    """Whether it came to an end in time; what became of it is seen in the folder.  Never raises."""
    command = [sys.executable, "-m", __name__, str(folder.absolute()), format_name]
    root = Path(__file__).parents[2]
    with suppress(OSError):  # No process to be had: it is done here, then.
        try:
            subprocess.run(command, input=content, cwd=root, timeout=_WITHIN_S, capture_output=True, check=False)
        except subprocess.TimeoutExpired:
            return False
    return True


def _main(folder: str, format_name: str) -> None:
    from forward_proxy.rulefiles.listentries import ListEntry
    from forward_proxy.rulefiles.shelf import Shelf

    os.nice(_NICE)
    os.umask(0o077)
    Shelf(Path(folder)).compiled(ListEntry("", None, format_name), sys.stdin.buffer.read())


if __name__ == "__main__":
    _main(*sys.argv[1:])
