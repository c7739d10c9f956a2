"""The HTTP layer of a client connection: which stream, and which connection to an origin, an event goes to.

`PolicyHttpLayer` has streams of ours, keeps connections to origins, and tells HTTP/2 clients how much they may send.
mitmproxy 12 hands each command of each layer up through three generators a level, and each hook from the innermost
layer to the outermost and its completion all the way back, four times a request.  Here commands are gathered in a list
on their way up, and hooks are called where the layer below asks for them, in the same order: a sixth of a miss.
"""

import sys
from collections import deque

from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpEvent,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
    RequestHeaders,
    SendHttp,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp

from forward_proxy.addons.clients_http2 import ClientStreams
from forward_proxy.addons.hooks import Hooks
from forward_proxy.addons.messages import forked
from forward_proxy.addons.origins import IdleConnection
from forward_proxy.addons.origins_http2 import takes_streams, unsent
from forward_proxy.addons.streams import FreshConnection, OriginWanted, PolicyStream
from forward_proxy.addons.ways import lead

# To one origin for one client; mitmproxy opens no more either, and browsers open six.
MOST_CONNECTIONS = 5


class PolicyHttpLayer(HttpLayer):
    """HttpLayer with streams of ours, and with connections to HTTP/1 origins that are kept for HTTP/2 clients.

    mitmproxy closes such a connection after each request, and so pays a TLS handshake for every image.  Here the next
    request takes it over; who comes while all are taken waits in line.  Without `hooks` they are left to the layers
    above.
    """

    def __init__(self, context: Context, mode: HTTPMode, hooks: Hooks | None = None) -> None:
        super().__init__(context, mode)
        self._hooks = hooks
        self._called: deque[commands.StartHook] = deque()
        self._idle: list[Connection] = []
        self._in_line: list[GetHttpConnection] = []

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        return self._handle_event(event)  # Nothing that waits is asked for by this layer itself.

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        fitting = self._fitting(event)
        reuse = reuse and bool(fitting) and not isinstance(event, FreshConnection)
        if reuse and self.context.client.alpn != b"h2" and self._is_open(fitting[0]):
            yield from self._give(event, fitting[0])
        elif reuse and (idle := self._taken(event)) is not None:
            yield from self._give(event, idle)
        elif self.context.client.alpn == b"h2" and not _shared(fitting) and self._count(event) >= MOST_CONNECTIONS:
            self._in_line.append(event)
        else:
            yield from super().get_connection(event, reuse=reuse)

    def register_connection(self, command: RegisterHttpConnection) -> layer.CommandGenerator[None]:
        yield from super().register_connection(command)
        if command.err:
            yield from self._move_up()

    def event_to_child(self, child: layer.Layer, event: events.Event) -> layer.CommandGenerator[None]:
        for_above: list[commands.Command] = []
        self._pass_on(child, event, for_above)
        yield from for_above

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        stream = self.streams[stream_id] = PolicyStream(forked(self.context), stream_id)
        yield from self.event_to_child(stream, events.Start())

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event(event)
        if self._in_line and isinstance(event, events.ConnectionClosed):
            yield from self._move_up()
        while self._called:
            hook = self._called.popleft()
            yield from self.event_to_child(self.command_sources.pop(hook), events.HookCompleted(hook))
        if isinstance(client := self.connections.get(self.context.client), ClientStreams):
            yield from client.give_back(self._unsent)

    def _pass_on(self, child: layer.Layer, event: events.Event, for_above: list[commands.Command]) -> None:
        """Have the child handle the event, and do what it asks for; what is not for this layer to do is `for_above`."""
        for command in child.handle_event(event):
            if command.blocking or isinstance(command, commands.RequestWakeup):
                self.command_sources[command] = child
            if isinstance(command, ReceiveHttp):
                self._receive(command.event, for_above)
            elif isinstance(command, SendHttp):
                self._pass_on(self.connections[command.connection], command.event, for_above)
            elif isinstance(command, commands.StartHook):
                self._call(command, for_above)
            elif isinstance(command, DropStream):
                self.streams.pop(command.stream_id, None)
            elif isinstance(command, GetHttpConnection):
                for_above += self.get_connection(command)
            elif isinstance(command, RegisterHttpConnection):
                for_above += self.register_connection(command)
            elif isinstance(command, IdleConnection):
                for_above += self._offer(command.connection)
            else:
                if isinstance(command, commands.OpenConnection):
                    self._mark(command.connection)
                    self.connections[command.connection] = child
                for_above.append(command)

    def _mark(self, connection: Connection) -> None:
        """Note on a connection that is about to be opened which way it leads, by who asked for it."""
        for wanted in self.waiting_for_establishment.get(connection, ())[:1]:
            if isinstance(wanted, OriginWanted):
                lead(connection, wanted.way)

    def _receive(self, event: HttpEvent, for_above: list[commands.Command]) -> None:
        """An event of a stream, which may be over by now."""
        if isinstance(event, RequestHeaders):
            for_above += self.make_stream(event.stream_id)
        if (stream := self.streams.get(event.stream_id)) is not None:
            self._pass_on(stream, event, for_above)

    def _call(self, hook: commands.StartHook, for_above: list[commands.Command]) -> None:
        """Call a hook that does not wait; whoever asked hears of it once this event has been handled."""
        if self._hooks is None or self._hooks.waits(hook.name):
            for_above.append(hook)
            return
        self._hooks.run(hook)
        if hook.blocking:
            self._called.append(hook)

    def _is_open(self, connection: Connection) -> bool:
        return connection.connected and connection not in self.waiting_for_establishment

    def _unsent(self, stream_id: int) -> int:
        """How much of a request's content is held here: all, sys.maxsize, while its stream waits for something."""
        stream = self.streams.get(stream_id)
        if stream is None:
            return 0  # Nobody wants it any more.
        if stream._paused:
            return sys.maxsize
        origin = self.connections.get(stream.context.server)
        return 0 if origin is None else unsent(origin, stream_id)

    def _offer(self, connection: Connection) -> layer.CommandGenerator[None]:
        """Give a connection that has become idle to the first in line for it, or keep it."""
        for event in self._in_line:
            if event.connection_spec_matches(connection):
                self._in_line.remove(event)
                yield from self._give(event, connection)
                return
        self._idle.append(connection)

    def _give(self, event: GetHttpConnection, connection: Connection) -> layer.CommandGenerator[None]:
        stream = self.command_sources.pop(event)
        yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, (connection, None)))

    def _move_up(self) -> layer.CommandGenerator[None]:
        """There may be room again: whoever waits in line asks anew."""
        in_line, self._in_line = self._in_line, []
        for event in in_line:
            yield from self.get_connection(event)

    def _fitting(self, event: GetHttpConnection) -> list[Connection]:
        """The connections that could take this request; others that failed are dropped, others that leave put last.

        mitmproxy takes the first that fits, and would repeat the error of one that failed for as long as the client
        stays connected.
        """
        matching = [connection for connection in self.connections if event.connection_spec_matches(connection)]
        fitting = [each for each in matching if not each.error and takes_streams(self.connections[each])]
        for connection in matching:
            if connection not in fitting:
                above = self.connections.pop(connection)
                if not connection.error:
                    self.connections[connection] = above
        return fitting

    def _taken(self, event: GetHttpConnection) -> Connection | None:
        """An idle connection that fits and is still open."""
        self._idle = [connection for connection in self._idle if connection.connected]
        fitting = (connection for connection in self._idle if event.connection_spec_matches(connection))
        if (found := next(fitting, None)) is not None:
            self._idle.remove(found)
        return found

    def _count(self, event: GetHttpConnection) -> int:
        """How many connections to this origin are open or being opened."""
        fitting = (connection for connection in self.connections if event.connection_spec_matches(connection))
        return sum(connection.connected or connection in self.waiting_for_establishment for connection in fitting)


def _shared(connections: list[Connection]) -> bool:
    """Whether one of them takes many requests at a time."""
    return any(connection.connected and connection.alpn == b"h2" for connection in connections)
