"""How many passwords may be tried from one address?  A few at once, and then one in a while.

An attempt is credentials that have not been tried yet: what a program repeats counts once (proofs.py), and who was
right gets it back.  An IPv6 address stands for its /64, which is what one subscriber has.
"""

from ipaddress import IPv4Address

from forward_proxy.message.hosts import IPAddress, unmapped

AT_ONCE = 10
ONE_EACH_S = 30.0
_MOST_ADDRESSES = 4096


class Attempts:
    """Times are seconds of any one clock."""

    def __init__(self) -> None:
        # How many were used at which time, by address or network; the one that was last used comes last.
        self._used: dict[object, tuple[float, float]] = {}

    def take(self, address: IPAddress, now: float) -> float:
        """Take one; or how many seconds to wait, when there is none to be had."""
        place = _place(address)
        used = self._left_over(place, now)
        if used > AT_ONCE - 1:
            return (used - (AT_ONCE - 1)) * ONE_EACH_S
        self._used.pop(place, None)
        while len(self._used) >= _MOST_ADDRESSES:
            del self._used[next(iter(self._used))]
        self._used[place] = (used + 1, now)
        return 0.0

    def give_back(self, address: IPAddress, now: float) -> None:
        """It was no wrong one."""
        place = _place(address)
        if place in self._used:
            self._used[place] = (max(self._left_over(place, now) - 1, 0.0), now)

    def _left_over(self, place: object, now: float) -> float:
        used, at = self._used.get(place, (0.0, now))
        return max(used - (now - at) / ONE_EACH_S, 0.0)


def _place(address: IPAddress) -> object:
    known = unmapped(address)
    return known if isinstance(known, IPv4Address) else int(known) >> 64
