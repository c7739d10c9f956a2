"""The proxy runs, and the command line looks and purges beside it."""

import subprocess
import sys
from pathlib import Path

from forward_proxy.storage.store import Store

from .responses import LARGE, SMALL, contents, head, put

ROOT = Path(__file__).parents[2]
URLS = [f"https://{host}.example/{n}" for host in "ab" for n in range(5)]

PURGE = """
import sys
from pathlib import Path
from forward_proxy.storage.store import Store
from forward_proxy.storage.selecting import of_host
from tests.storage.responses import ROOMY, head, put
store = Store(Path(sys.argv[1]), ROOMY)
store.start(check=False)
found = sum(1 for _ in store.scan())
purged = store.purge(of_host("a.example"))
put(store, head("https://c.example/"), b"from the other")
store.close()
print(found, purged)
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_what_one_process_purges_the_other_no_longer_finds(store: Store, folder: Path) -> None:
    for n, url in enumerate(URLS):
        put(store, head(url), LARGE if n % 2 else SMALL)
    (large,) = store.candidates(head(URLS[1]).key)
    content = store.open_content(large)
    assert content is not None
    staging = store.stage(head("https://d.example/"))
    staging.write(LARGE)

    assert run(PURGE, folder) == "10 5\n"

    assert [len(contents(store, url)) for url in URLS] == [0] * 5 + [1] * 5
    assert contents(store, "https://c.example/") == [b"from the other"]
    with content:  # What was being delivered still is,
        assert content.read_all() == LARGE
    assert staging.commit() is None  # what was being stored is not: the other could not see whether it is selected.
    assert contents(store, "https://d.example/") == []
    assert store.stats().faults == {"removed": 1}
