"""Killed while storing, at any moment, with another process at work beside it."""

import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from forward_proxy.storage.store import Store

from .fills import expected
from .responses import ROOMY, content_files, content_of, staged_files

ROOT = Path(__file__).parents[2]
ROUNDS = 6


def killed_while_storing(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.storage.fills", folder, str(2 * seed + n)],
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                )
            )
            for n in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                writer.stdout.readline()
            writer.kill()


def test_after_a_kill_every_stored_response_is_right_and_nothing_is_left_over(folder: Path) -> None:
    seen = 0
    for round_number in range(ROUNDS):
        killed_while_storing(folder, round_number)
        store = Store(folder, ROOMY)
        store.start(check=False)
        assert store.check().damage is None
        listed = [entry.stored for entry in store.scan()]
        for stored in listed:
            assert content_of(store, stored) == expected(str(stored.key.target))
        seen += len(listed)
        named = {row.filename for row in store._keeper.database.reader.rows()}
        assert {str(path.relative_to(folder)) for path in content_files(folder)} == named - {None}
        assert staged_files(folder) == []
        assert store.stats().faults == {}
        store.close()
    assert seen > 10 * ROUNDS
