"""Is leaving without an alert, once a certificate was shown, an answer to it?

Programs that pin certificates leave so each time.  Browsers do when they need no connection after all, and drop that of
their start page whenever they are led elsewhere; so of a client that has accepted a certificate before, more are asked
for.
"""

from collections.abc import Sequence
from typing import Any

from forward_proxy.message.hosts import IPAddress

LATELY_S = 120
_OF_WHO_ACCEPTS, _OF_OTHERS = 5, 2
_MOST = 1000


class HangUps:
    """What the clients of one process did in the last `LATELY_S` seconds."""

    def __init__(self) -> None:
        self._lately: dict[tuple[IPAddress, Sequence[str]], tuple[int, float]] = {}
        self._accepting: dict[IPAddress, None] = {}

    def accepted(self, client: IPAddress, names: Sequence[str]) -> None:
        """It has said something inside, under these names."""
        self._lately.pop((client, names), None)
        if client not in self._accepting:
            _make_room(self._accepting)
            self._accepting[client] = None

    def enough(self, client: IPAddress, names: Sequence[str], began_at: float, now: float) -> bool:
        """Whether it did so often enough under these names, each connection begun after the one before was left.

        Times are POSIX seconds.
        """
        count, last_at = self._lately.pop((client, names), (0, 0.0))
        if now - LATELY_S >= last_at:
            count = 0
        count += not count or last_at <= began_at
        if count >= (_OF_WHO_ACCEPTS if client in self._accepting else _OF_OTHERS):
            return True
        _make_room(self._lately)
        self._lately[client, names] = count, now
        return False


def _make_room(table: dict[Any, Any]) -> None:
    """What has been there longest goes."""
    if len(table) >= _MOST:
        del table[next(iter(table))]
