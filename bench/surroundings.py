"""The machine and the versions a measurement was made with."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.processes import program

# How each says its version.
_PROGRAMS = {"nginx": "-v", "squid": "-v", "openssl": "version", "cc": "--version", "chromium": "--version"}


def surroundings(*programs: str) -> Iterator[tuple[str, str]]:
    """What, and its version or kind; of programs, those that are named, or all but the browser."""
    yield "date", f"{datetime.now(UTC):%Y-%m-%d}"
    yield "machine", f"{len(os.sched_getaffinity(0))} cores, {_processor()}, shared with other work"
    yield "kernel", f"{platform.system()} {platform.release().partition('-')[0]}"
    yield "Python", platform.python_version()
    for package in "mitmproxy", "uvloop", "httptools":
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"
    for name in programs or ("nginx", "squid", "openssl", "cc"):
        yield name, _version(name)


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return f"{found[1]} ({platform.machine()})" if found else platform.machine()


def _version(name: str) -> str:
    if (path := program(name)) is None:
        return "not installed"
    told = subprocess.run([path, _PROGRAMS[name]], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return found[0] if found else "unknown"
