"""`python -m bench.origin PORT`: the origin of a measurement where nginx is not installed."""

import asyncio
import sys

from bench.processes import CACHE_CONTROL, CONTENT


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode("latin-1")
            cache_control = CACHE_CONTROL["hit" if target.endswith("/hit") else "miss"]
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\nCache-Control: {cache_control}\r\n\r\n"
            writer.write(head.encode() + CONTENT)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def _main(port: int) -> None:
    async with await asyncio.start_server(_serve, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
