"""A process that stores until it is killed, a line for each response it has committed.

    python -m tests.storage.fills FOLDER SEED

Content is made from its URL, so that whoever finds it later can tell whether it is right; three URLs have the same.
"""

import random
import sys
from hashlib import sha256
from pathlib import Path

from forward_proxy.storage.store import Store

from .responses import KIB, MIB, ROOMY, head


def expected(url: str) -> bytes:
    """Half a KiB to 2 MiB."""
    url = f"{int(url.rpartition('/')[2]) % 20}"
    chance = random.Random(url)
    length = chance.choice([512, 10 * KIB, 32 * KIB, 33 * KIB, 300 * KIB, 2 * MIB]) + chance.randrange(100)
    seed = sha256(url.encode()).digest()
    return (seed * (length // len(seed) + 1))[:length]


def fill(folder: Path, seed: int) -> None:
    store = Store(folder, ROOMY)
    store.start()
    chance = random.Random(seed)
    while True:
        url = f"https://a.example/{chance.randrange(60)}"
        staging = store.stage(head(url))
        content = expected(url)
        for at in range(0, len(content), 64 * KIB):
            staging.write(content[at : at + 64 * KIB])
        staging.commit()
        if chance.random() < 0.1:
            store.remove(head(url).key)
        print(url, flush=True)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
