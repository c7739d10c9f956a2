"""Where does the answer to a request that was handed over end?  RFC 9112 §6.3.

The answer is passed on as it comes and only looked at.  One that has no end but the connection's, or that announces the
connection's end, leaves the connection to mitmproxy.
"""

from enum import Enum, auto

import httptools


class Answered(Enum):
    """What is known of an answer after some of it."""

    NOT_YET = auto()
    WHOLE = auto()
    LAST = auto()


class Framer:
    """Follows one answer; `head_only` is whether it is to a HEAD, `last` to a request that ends its connection."""

    __slots__ = ("_complete", "_goes_on", "_head_complete", "_head_only", "_last", "_parser")

    def __init__(self, *, head_only: bool, last: bool) -> None:
        self._head_only = head_only
        self._last = last
        self._head_complete = False
        self._complete = False
        self._goes_on = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, octets: bytes) -> Answered:
        """The answer with these octets added; LAST also when it cannot be followed."""
        try:
            self._parser.feed_data(octets)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return Answered.LAST
        if self._complete or (self._head_only and self._head_complete):
            return Answered.WHOLE if self._goes_on else Answered.LAST
        return Answered.NOT_YET

    def on_headers_complete(self) -> None:
        self._head_complete = self._parser.get_status_code() >= 200
        self._goes_on = (
            not self._last and self._parser.should_keep_alive()
        )  # Only now: llhttp has forgotten it at the message's end.

    def on_message_complete(self) -> None:
        self._complete = self._parser.get_status_code() >= 200
