"""Is there a place to write, room on the disk, and a clock that can be right?"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from forward_proxy.diagnosis.findings import Finding, Level
from forward_proxy.settings import Settings

_LEAST_FREE = 16 << 20
_SKEW_S = 300


def state_folder(settings: Settings) -> Iterator[Finding]:
    """Whether it is ours, private and writable.  What is written is gone at once."""
    folder = settings.state
    if not folder.exists():
        yield Finding(Level.NOTE, "state", f"{folder} is not there yet; the first run makes it")
        return
    try:
        mode = folder.stat().st_mode
        if not stat.S_ISDIR(mode):
            yield Finding(Level.ERROR, "state", f"{folder} is not a folder", "choose another: --state")
            return
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as fault:
        fix = "give it to the user the proxy runs as, or choose another: --state"
        yield Finding(Level.ERROR, "state", f"{folder} cannot be written to: {fault.strerror}", fix)
        return
    if mode & 0o077:
        text = f"{folder} can be entered by others: it says where people go"
        yield Finding(Level.WARNING, "state", text, f"chmod 700 {folder}")
    else:
        yield Finding(Level.OK, "state", f"{folder} is writable and private")


def disk(settings: Settings) -> Finding:
    folder = _there(settings.state)
    free = shutil.disk_usage(folder).free
    shown = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < _LEAST_FREE:
        return Finding(Level.ERROR, "disk", f"{shown}: not even the log can be written", "make room")
    if settings.cache.enabled and free < settings.cache.reserve_bytes:
        text = f"{shown}, less than cache.reserve: nothing more is stored"
        return Finding(Level.WARNING, "disk", text, "make room, or lower cache.size_limit or cache.reserve")
    return Finding(Level.OK, "disk", shown)


def clock(settings: Settings, now: float) -> Finding:
    """A clock that is behind what was written here is wrong; one that is ahead cannot be told."""
    latest = max((file.stat().st_mtime for file in _kept(settings.state)), default=0.0)
    if latest > now + _SKEW_S:
        text = f"the clock is {int(latest - now)} s behind what was written in {settings.state}"
        return Finding(Level.ERROR, "clock", text, "set the clock: certificates and what is stored are judged by it")
    return Finding(Level.OK, "clock", "the clock is not behind what the proxy has written")


def _kept(folder: Path) -> Iterator[Path]:
    for below in (folder, folder / "ca", folder / "traffic", folder / "responses"):
        if below.is_dir() and os.access(below, os.R_OK | os.X_OK):
            yield from (file for file in below.iterdir() if file.is_file())


def _there(folder: Path) -> Path:
    """It, or what it will be made in."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
