"""Leading a client to a clean target, and noticing when it comes back for the one it was led away from.

A site may insist on its parameter: it redirects to itself with it, or has a script put it back.  Then a redirect would
bring the client round again.  So a client is led to the same target once a minute at most; who asks sooner for
something that would lead there gets what it asks for.  Whatever brought it back, nothing can go round.

What has to be remembered for that is a cell of memory for each, which all workers share when it was made before they
were forked.  A cell that another redirect has taken costs one more redirect.
"""

import mmap
from hashlib import blake2b

from mitmproxy import http

from forward_proxy.addons import heads
from forward_proxy.addons.exchange import Exchange
from forward_proxy.message.hosts import IPAddress
from forward_proxy.message.writing import phrase
from forward_proxy.policy import Redirect, redirection

WITHIN_S = 60
_CELLS = 16_384
_TIME_BITS = 24  # Seconds, for half a year.
_TIME = (1 << _TIME_BITS) - 1


class Led:
    """Who was led where within the last minute; any process forked since, any thread."""

    def __init__(self) -> None:
        # An aligned cell is written at once: whoever looks sees one redirect or the other, never a mixture.
        self._cells = memoryview(mmap.mmap(-1, _CELLS * 8)).cast("Q")

    def note(self, client: IPAddress, location: str, now: int) -> None:
        place, tag = _place(client, location)
        self._cells[place] = tag << _TIME_BITS | now & _TIME

    def recently(self, client: IPAddress, location: str, now: int) -> bool:
        """Whether this client was led there less than a minute ago."""
        place, tag = _place(client, location)
        cell = self._cells[place]
        return cell >> _TIME_BITS == tag and (now - cell) & _TIME < WITHIN_S


class Redirecting:
    """What the driver does about a `Redirect`."""

    def __init__(self, led: Led) -> None:
        self._led = led

    def insists(self, client: IPAddress, redirect: Redirect, now: int) -> bool:
        """Whether the client is back for what it was led away from."""
        return self._led.recently(client, redirect.cleaned.location, now)

    def begin(self, flow: http.HTTPFlow, exchange: Exchange, client: IPAddress, redirect: Redirect) -> None:
        """In `requestheaders`: the answer is set, and nothing is sent on."""
        exchange.decision = redirect
        self._led.note(client, redirect.cleaned.location, int(exchange.started_at))
        answer = redirection(redirect)
        exchange.response_bytes += len(answer.content)
        flow.response = heads.own_response(answer.status, phrase(answer.status), answer.fields, answer.content)


def _place(client: IPAddress, location: str) -> tuple[int, int]:
    """The cell, and what tells who is meant there from nearly all others."""
    digest = int.from_bytes(blake2b(f"{client} {location}".encode(), digest_size=8).digest(), "big")
    return digest % _CELLS, (digest >> _TIME_BITS) | 1 << (63 - _TIME_BITS)
