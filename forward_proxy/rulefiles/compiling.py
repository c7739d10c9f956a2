"""Compiles lists in a process of its own, since sorting a million names keeps all threads of a process waiting.

    python -m forward_proxy.rulefiles.compiling FOLDER DIGEST LENGTH ... < CONTENTS

What it makes is kept in FOLDER, where whoever asked finds it.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SMALL_BYTES = 100_000
_WITHIN_S = 120
_NICE = 10


def compile_apart(folder: Path, digest: str, contents: Sequence[bytes]) -> bool:
    """Whether it came to an end in time; what became of it is seen in the folder.  Never raises."""
    lengths = [str(len(content)) for content in contents]
    command = [sys.executable, "-m", __name__, str(folder.absolute()), digest, *lengths]
    root = Path(__file__).parents[2]
    with suppress(OSError):  # No process to be had: it is done here, then.
        try:
            subprocess.run(
                command, input=b"".join(contents), cwd=root, timeout=_WITHIN_S, capture_output=True, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    return True


def _main(folder: str, digest: str, *lengths: str) -> None:
    from forward_proxy.rulefiles.shelf import Shelf

    os.nice(_NICE)
    os.umask(0o077)
    Shelf(Path(folder)).made(digest, [sys.stdin.buffer.read(int(length)) for length in lengths])


if __name__ == "__main__":
    _main(*sys.argv[1:])
