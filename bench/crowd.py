"""`make crowd`: what becomes of many clients who want the same thing at once?  Writes docs/crowd.md.

An origin takes a second to answer; none of it is stored beforehand.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import ROOT, free_port, process
from bench.surroundings import surroundings

_CLIENTS = 200
_ROUNDS = 3
_DELAY_S = 1.0
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\nCache-Control: %b\r\n\r\n" + b"x" * 1024
_WAYS: Mapping[str, tuple[dict[str, object], str]] = {
    "storable, one worker": ({}, "max-age=600"),
    "storable, two workers": ({"workers": 2}, "max-age=600"),
    "storable, `collapse_wait: off`": ({"cache": {"collapse_wait": "off"}}, "max-age=600"),
    "not storable, one worker": ({}, "no-store"),
}
_DOCUMENT = """# A crowd

Made by `make crowd`: {clients} clients ask for the same, nothing of it is stored, and the origin takes
{delay:.0f} s to answer. What they ask for is another address each time; the middle of {rounds} rounds.

| answer | requests to the origin | first answer after | last answer after |
| --- | --- | --- | --- |
{rows}

An answer that cannot be stored is waited for once: whoever waits is let go when its head has come, and asks itself.

| | |
|---|---|
{how}
"""


class Origin:
    """Answers a second after each request, and counts them."""

    def __init__(self, said: str) -> None:
        self._answer = _ANSWER % said.encode()
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b" /ready" not in head:
                    self.asked += 1
                    await asyncio.sleep(_DELAY_S)
                writer.write(self._answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _asked(port: int, request: bytes, began: float) -> float:
    """Seconds from the beginning to the end of one client's answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"answered with {head!r}")
    await reader.readexactly(1024)
    writer.close()
    return time.monotonic() - began


async def _crowd(settings: Mapping[str, object], said: str, folder: Path) -> list[tuple[int, float, float]]:
    """For each round: requests at the origin, seconds to the first answer and to the last."""
    origin = Origin(said)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, backlog=1024)
    port, own = server.sockets[0].getsockname()[1], free_port()
    chosen = {
        "listen": f"127.0.0.1:{own}",
        "state": str(folder / "state"),
        "rules": [str(ROOT / "rules")],
    }
    (file := folder / "settings.yaml").write_text(json.dumps({**chosen, **settings}))
    command = [sys.executable, "-m", "forward_proxy", "run", "--settings", str(file)]
    started = process(command, own, f"http://127.0.0.1:{port}/ready", folder, b"listening on ")
    await asyncio.to_thread(started.__enter__)
    try:
        rounds = []
        for number in range(_ROUNDS):
            origin.asked = 0
            request = f"GET http://127.0.0.1:{port}/{number} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
            began = time.monotonic()
            took = await asyncio.gather(*(_asked(own, request, began) for _ in range(_CLIENTS)))
            rounds.append((origin.asked, min(took), max(took)))
    finally:
        await asyncio.to_thread(started.__exit__, None, None, None)
        server.close()
    return sorted(rounds, key=lambda one: one[2])


def main() -> None:
    rows = []
    for name, (settings, said) in _WAYS.items():
        with TemporaryDirectory(prefix="crowd-") as made:
            rounds: Sequence[tuple[int, float, float]] = asyncio.run(_crowd(settings, said, Path(made)))
        asked, first, last = rounds[len(rounds) // 2]
        rows.append(f"| {name} | {asked} | {first:.2f} s | {last:.2f} s |")
        print(rows[-1], flush=True)
    how = "\n".join(f"| {name} | {value} |" for name, value in surroundings("nginx") if name != "nginx")
    text = _DOCUMENT.format(clients=_CLIENTS, delay=_DELAY_S, rounds=_ROUNDS, rows="\n".join(rows), how=how)
    (ROOT / "docs" / "crowd.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
