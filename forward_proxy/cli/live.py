"""The calm view of a running proxy: what it says at the start, and one line for each exchange.

Lines are made and written by a thread of their own, a few times a second: drawing one costs more than serving a hit.
"""

import os
import queue
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forward_proxy import __version__
from forward_proxy.traffic.live import live_line, plain_line
from forward_proxy.traffic.record import Record

_PAUSE_S = 0.2
_MOST_LINES_A_SECOND = 200
_QUEUE = 10_000


class LiveView:
    """Shows records to whoever watches the terminal; the rest of them only in the log when there are too many."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._records: queue.Queue[Record | None] = queue.Queue(_QUEUE)
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self, record: Record) -> None:
        """Never waits: what does not fit is counted."""
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._left_out += 1

    def stop(self) -> None:
        """Write what is left, in bounded time."""
        if not self._thread.is_alive():
            return
        try:
            self._records.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=2)

    def _run(self) -> None:
        done = threading.Event()
        while not done.is_set():
            batch, last = self._batch()
            try:
                self._write(batch)
            except (OSError, ValueError):
                return  # Nobody watches any more; the log has it all.
            if last:
                return
            done.wait(_PAUSE_S)

    def _batch(self) -> tuple[list[Record], bool]:
        batch: list[Record] = []
        wait = True
        while True:
            try:
                record = self._records.get(block=wait)
            except queue.Empty:
                return batch, False
            if record is None:
                return batch, True
            batch.append(record)
            wait = False

    def _write(self, batch: Sequence[Record]) -> None:
        if not self._console.is_terminal:
            self._console.file.write("".join(f"{plain_line(record)}\n" for record in batch))
            self._console.file.flush()
            return
        most = int(_MOST_LINES_A_SECOND * _PAUSE_S)
        left_out, self._left_out = self._left_out + max(0, len(batch) - most), 0
        width = self._console.width
        lines = [live_line(record, width) for record in batch[-most:]]
        if left_out:
            lines.insert(0, Text(f"  … {left_out} more, see: forward-proxy log tail", style="dim"))
        self._console.print(*lines, sep="\n", soft_wrap=True)


def welcome(addresses: Sequence[tuple[str, int]], ca_file: Path | None, notes: Sequence[str]) -> Table:
    """What a newcomer needs to know, in one screen."""
    host, port = addresses[0]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(f"forward-proxy {__version__}", "")
    table.add_row("Listening", ", ".join(spelled(address) for address in addresses))
    table.add_row("Browser", f"set the HTTP and the HTTPS proxy to address {host}, port {port}")
    table.add_row(
        "Programs", f"export http_proxy=http://{spelled(addresses[0])} https_proxy=http://{spelled(addresses[0])}"
    )
    if ca_file is not None:
        table.add_row("Certificate", _shown(ca_file))
        table.add_row("Trust it", Text("\n").join(Text(step) for step in _trust_steps(ca_file)))
    else:
        table.add_row("Certificate", "none needed: TLS is not opened (inspect: off)")
    table.add_row("Ask it", "forward-proxy explain URL, log search WORDS, cache list")
    for note in notes:
        table.add_row("Note", Text(note, style="yellow"))
    table.add_row("Stop", "Ctrl-C")
    return table


def spelled(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _trust_steps(ca_file: Path) -> list[str]:
    file = _shown(ca_file)
    steps = ["Firefox: Settings, Privacy & Security, View Certificates, Authorities, Import"]
    if sys.platform == "darwin":
        steps.append(f"Chrome, Safari: security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {file}")
    elif os.name == "nt":
        steps.append(f"Chrome, Edge: certutil -user -addstore Root {file}")
    elif shutil.which("certutil"):
        steps.append(f"Chrome: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n forward-proxy -i {file}")
    else:
        steps.append("Chrome: chrome://certificate-manager, Local certificates, Installed by you, Import")
    return [*steps, f"curl: --cacert {file}"]


def _shown(path: Path) -> str:
    """Relative where that is shorter."""
    try:
        relative = path.relative_to(Path.cwd())
    except ValueError:
        return str(path)
    return str(relative)
