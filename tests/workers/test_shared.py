import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

from forward_proxy.workers.shared import Shared

ROOT = Path(__file__).parents[2]

# Each process writes lines in pieces, as a terminal may take them.
FORKED = """
import os
from forward_proxy.workers.shared import Shared
shared = Shared()
children = []
for letter in (b"a", b"b", b"c"):
    pid = os.fork()
    if not pid:
        for _ in range(200):
            with shared.terminal():
                if shared.first_to_head():
                    os.write(1, b"heading\\n")
                for _ in range(10):
                    os.write(1, letter)
                os.write(1, b"\\n")
        shared.publish((("x.yaml", letter),))
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
print(shared.version, shared.published().sources[0][1].decode() in "abc")
shared.close()
"""


def test_processes_take_turns_and_see_what_any_of_them_published() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], cwd=ROOT, capture_output=True, text=True, check=True)
    heading, *lines, last = done.stdout.splitlines()
    assert heading == "heading"
    assert sorted(lines) == sorted([letter * 10 for letter in "abc"] * 200)
    assert last == "3 True"


def test_whoever_holds_the_terminal_for_long_is_not_waited_for() -> None:
    shared, held, done = Shared(), Event(), Event()

    def hold() -> None:
        with shared.terminal():
            held.set()
            done.wait(20)

    holder = Thread(target=hold)
    holder.start()
    assert held.wait(20)
    with shared.terminal():
        assert not done.is_set()
    done.set()
    holder.join()
    shared.close()


def test_what_is_published_is_octet_for_octet_what_was_read() -> None:
    shared = Shared()
    sources = (("odd\udcff.yaml", bytes(range(256))), ("empty.yaml", b""))
    for count in range(1, 5):
        assert shared.publish(sources * count) == count
        assert shared.published().sources == sources * count
    assert os.fstat(shared._file.fileno()).st_nlink == 0
    shared.close()
