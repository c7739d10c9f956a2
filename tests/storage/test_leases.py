"""One process at a time has a lease, however the one before it ended."""

import subprocess
import sys
from collections.abc import Callable
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
TAKER = """
import sys
from pathlib import Path
from forward_proxy.storage.leases import Leases
leases = Leases(Path(sys.argv[1]))
leases.open()
print(leases.take("a"))
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


def test_it_is_given_back_after_what_was_stored_meanwhile_and_as_often_as_it_was_taken(tmp_path: Path) -> None:
    waiting: list[Callable[[], None]] = []
    mine, theirs = Leases(tmp_path, waiting.append), [sys.executable, "-c", TAKER, str(tmp_path)]
    mine.open()
    assert mine.take("a")
    mine.give_back("a", stored=True)
    assert subprocess.run(theirs, capture_output=True, text=True, check=True).stdout == "False\n"
    assert mine.take("a")
    waiting.pop()()
    assert subprocess.run(theirs, capture_output=True, text=True, check=True).stdout == "False\n"
    mine.give_back("a")
    assert subprocess.run(theirs, capture_output=True, text=True, check=True).stdout == "True\n"
    mine.close()


def test_without_a_place_to_lock_in_nobody_is_kept_waiting(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "missing")
    leases.open()
    assert leases.take("a")
    leases.give_back("a")
    leases.close()
