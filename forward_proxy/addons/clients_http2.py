"""HTTP/2 with clients: how much of an upload may be on its way.  RFC 9113 §5.2, §6.9.

mitmproxy 12 lets a client send as fast as it can, and what an HTTP/2 origin has no window for gathers in memory
without bound.  Here each stream has a window of its own, in bytes, which opens again only as far as its content has
left for the origin, so a request never holds more content in memory than that.  The window of the whole connection
opens at once, whatever becomes of the content: a stream that stands still for want of window stops no other.

To an HTTP/1 origin content counts as gone when it is written: its socket holds the client's whole connection back.
What is bounded is content: cut into frames of a few bytes, it takes some 150 bytes of memory a frame.

`install` puts this class in the place of mitmproxy's.  Tests fail once mitmproxy can do it alone.
"""

from collections import Counter
from collections.abc import Callable

from h2.connection import ConnectionState
from h2.events import DataReceived, Event, StreamEnded
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http

# What a stream may have under way: at 20 ms from the client, 50 MB/s.
WINDOW_BYTES = 1 << 20
# Less than this is not worth a frame; small steps keep the content flowing.
_STEP_BYTES = WINDOW_BYTES // 16


class ClientStreams(http.Http2Server):
    """Http2Server that is told by the layer above when a stream may go on.

    `owed` is by stream what was received and not yet given back, in bytes of the window: padding counts.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.h2_conn.local_settings.initial_window_size = WINDOW_BYTES
        self.h2_conn.local_settings.acknowledge()
        self.owed: Counter[int] = Counter()
        self._owed_to_all = 0

    def give_back(self, unsent: Callable[[int], int]) -> layer.CommandGenerator[None]:
        """Open the windows of streams again, but for what is still `unsent` of each."""
        for stream_id, owed in list(self.owed.items()):
            if self.is_closed(stream_id):
                del self.owed[stream_id]
            elif (gone := owed - unsent(stream_id)) >= _STEP_BYTES:
                self.owed[stream_id] -= gone
                self.h2_conn.increment_flow_control_window(gone, stream_id)
                yield commands.SendData(self.conn, self.h2_conn.data_to_send())

    def handle_h2_event(self, event: Event) -> layer.CommandGenerator[bool]:
        if isinstance(event, DataReceived):
            self._owe(event.stream_id, event.flow_controlled_length or 0)
            event.flow_controlled_length = 0  # mitmproxy would give it back at once.
        elif isinstance(event, StreamEnded):
            self.owed.pop(event.stream_id, None)
        return (yield from super().handle_h2_event(event))

    def _owe(self, stream_id: int, length: int) -> None:
        self.owed[stream_id] += length
        self._owed_to_all += length
        # A frame behind this one may have ended the connection already.
        if self._owed_to_all >= _STEP_BYTES and self.h2_conn.state_machine.state is not ConnectionState.CLOSED:
            self.h2_conn.increment_flow_control_window(self._owed_to_all)
            self._owed_to_all = 0


def install() -> None:
    """Have mitmproxy speak HTTP/2 to clients with this class; it takes the class from this name."""
    http.Http2Server = ClientStreams  # type: ignore[misc]  # Replacing the class is the point.
