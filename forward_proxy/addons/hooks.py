"""Who listens to which of mitmproxy's hooks, inside one guard, and without a task for each.

mitmproxy logs an exception that escapes a hook and lets the request go on to the origin.  Here a fault in a hook ends
in a refusal: whoever decides must have decided.  mitmproxy also makes an asyncio task for every hook, listened to or
not, six to a request; `InlineHooks` runs those that do not wait on the spot, in the same order.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

type Listener = Callable[[Any], Any]

logger = logging.getLogger(__name__)


class Hooks:
    """The listeners of each hook in their order; `refuse` is told the hook and its data when one of them fails."""

    def __init__(self, refuse: Callable[[str, Any], None]) -> None:
        self._refuse = refuse
        self._listeners: Mapping[str, tuple[Listener, ...]] = {}
        self._waiting: frozenset[str] = frozenset()

    def listen(self, listeners: Mapping[str, tuple[Listener, ...]]) -> None:
        """Call these from now on."""
        waiting = (name for name, calls in listeners.items() if any(map(inspect.iscoroutinefunction, calls)))
        self._listeners, self._waiting = listeners, frozenset(waiting)

    def waits(self, name: str) -> bool:
        """Whether a listener of this hook is a coroutine function."""
        return name in self._waiting

    def run(self, hook: commands.StartHook) -> None:
        """Call the listeners of a hook that does not wait; the first fault refuses and ends it."""
        if calls := self._listeners.get(hook.name):
            data = _data_of(hook)
            try:
                for call in calls:
                    call(data)
            except Exception:
                self._failed(hook.name, data)

    async def run_waiting(self, hook: commands.StartHook) -> None:
        """The same for a hook that waits."""
        data = _data_of(hook)
        try:
            for call in self._listeners.get(hook.name, ()):
                await call(data)
        except Exception:
            self._failed(hook.name, data)

    def _failed(self, name: str, data: Any) -> None:
        logger.exception("%s failed; the exchange is refused", name)
        self._refuse(name, data)


def _data_of(hook: commands.StartHook) -> Any:
    """The one argument of a hook; `hook.args` looks its name up in the class each time."""
    (data,) = [value for name, value in vars(hook).items() if name != "blocking"]
    return data


class InlineHooks:
    """Stands before a connection's top layer and keeps the hooks that do not wait to itself."""

    def __init__(self, top: layer.Layer, hooks: Hooks) -> None:
        self._top = top
        self._hooks = hooks

    @property
    def context(self) -> Context:
        return self._top.context

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """What the top layer makes of the event, and of each hook's completion after it."""
        pending = [event]
        for each in pending:
            for command in self._top.handle_event(each):
                if not isinstance(command, commands.StartHook) or self._hooks.waits(command.name):
                    yield command
                    continue
                self._hooks.run(command)
                if command.blocking:
                    pending.append(events.HookCompleted(command))
