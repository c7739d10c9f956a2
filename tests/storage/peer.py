"""Another process that has the store open, and does what it is told, a line at a time.

    python -m tests.storage.peer FOLDER

    put URL | remove URL | invalidate URL | purge | soften URL | freshen URL | stale URL
    begin URL | commit | count URL | flush

Each is answered with a line: what was found, or `done`, once the call has returned.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Self

from forward_proxy.storage.selecting import everything, of_target
from forward_proxy.storage.staging import Staging
from forward_proxy.storage.store import Store

from .responses import NOW, ROOMY, SMALL, contents, head, key

ROOT = Path(__file__).parents[2]


class Peer:
    """The other process, as the test holds it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.storage.peer", str(folder)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True)

    def __call__(self, *words: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(*words, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        assert self("flush") == "done"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def obey(folder: Path) -> None:
    store = Store(folder, ROOMY)
    store.start(check=False)
    staging: Staging | None = None
    for line in sys.stdin:
        answer = "done"
        match line.split():
            case ["put", url]:
                staging = store.stage(head(url))
                staging.write(SMALL)
                answer = "done" if staging.commit() else "refused"
            case ["begin", url]:
                staging = store.stage(head(url))
                staging.write(SMALL)
            case ["commit"]:
                answer = "done" if staging and staging.commit() else "refused"
            case ["remove", url]:
                store.remove(key(url))
            case ["invalidate", url]:
                store.invalidate([key(url).target])
            case ["purge"]:
                answer = str(store.purge(everything))
            case ["soften", url]:
                answer = str(store.purge(of_target(key(url).target), NOW))
            case ["freshen", url]:
                (held,) = store.candidates(key(url))
                store.replace_head(replace(held, response_at=NOW + 9))
            case ["stale", url]:
                answer = str([stored.stale_from for stored in store.candidates(key(url))])
            case ["count", url]:
                answer = str(len(contents(store, url)))
            case ["flush"]:
                store.flush()
        print(answer, flush=True)
    store.close()


if __name__ == "__main__":
    obey(Path(sys.argv[1]))
