"""Content passes through; it is never held."""

import subprocess
import sys
from pathlib import Path

import pytest

from .test_two_processes import ROOT

MEASURED = """
import re, sys
from pathlib import Path
from forward_proxy.storage.store import Store
from tests.storage.responses import MIB, ROOMY, head, put, content_of, target

def kib(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

store = Store(Path(sys.argv[1]), ROOMY)
store.start()
content_of(store, put(store, head("https://a.example/"), bytes(MIB)))
before = kib("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # The high-water mark begins here.
staging = store.stage(head())
chunk = bytes(range(256)) * 256
for _ in range(256 * 16):
    staging.write(chunk)
stored = staging.commit()
store.flush()
with store.open_content(stored) as content:
    octets = sum(len(block) for block in content)
print(octets, kib("VmHWM") - before)
store.close()
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc to reset the peak")
def test_256_mib_in_and_out_take_under_30_mb_of_memory(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED, folder], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    octets, grown_kib = map(int, done.stdout.split())
    assert octets == 256 << 20
    assert grown_kib < 30_000
