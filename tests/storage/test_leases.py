"""One process at a time has a lease, however the one before it ended."""

import subprocess
import sys
from pathlib import Path

from forward_proxy.storage.leases import Leases

HOLDER = """
import sys
from pathlib import Path
from forward_proxy.storage.leases import Leases
leases = Leases(Path(sys.argv[1]))
leases.open()
print(leases.take("a"), leases.take("b"), flush=True)
sys.stdin.readline()
leases.give_back("b")
print("back", flush=True)
sys.stdin.readline()
"""


def test_another_process_has_it_until_it_gives_it_back_or_dies(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.open()
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "True True\n"
        assert [leases.take(name) for name in "abc"] == [False, False, True]
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "back\n"
        assert [leases.take(name) for name in "abc"] == [False, True, True]
        holder.kill()
        holder.wait()
        assert leases.take("a")
    leases.close()


def test_without_a_place_to_lock_in_nobody_is_kept_waiting(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "missing")
    leases.open()
    assert leases.take("a")
    leases.give_back("a")
    leases.close()
