"""One process that serves clients: what it is made of, and how it starts, stops and takes over other rules."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import Protocol

import certifi

from forward_proxy.access.targets import OwnListeners, Prohibited, judge_address, judge_loop
from forward_proxy.addons.authority import LeafStore
from forward_proxy.addons.dialing import Dialer
from forward_proxy.addons.dialing import Options as DialOptions
from forward_proxy.addons.driver import Driver
from forward_proxy.addons.engine import Engine
from forward_proxy.addons.engine import Options as EngineOptions
from forward_proxy.addons.handover import Handover
from forward_proxy.addons.loops import judging_loop
from forward_proxy.addons.redirecting import Led
from forward_proxy.errors import RuleFileError
from forward_proxy.fastlane.lane import Lane
from forward_proxy.fastlane.lane import Options as LaneOptions
from forward_proxy.message.hosts import IPAddress, unmapped
from forward_proxy.policy import Refused
from forward_proxy.renewal import list_updater
from forward_proxy.rulefiles import Rules, Shelf, Watcher
from forward_proxy.settings import Settings
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.settings.options import (
    access_options,
    grants_folder,
    log_folder,
    log_options,
    queue_folder,
    store_folder,
    store_options,
)
from forward_proxy.storage.grants import GrantStore
from forward_proxy.storage.queue import Queue
from forward_proxy.storage.store import Store
from forward_proxy.termination.front import Listening
from forward_proxy.traffic.log import TrafficLog
from forward_proxy.traffic.record import Record
from forward_proxy.users.proofs import Proofs
from forward_proxy.workers.link import Link, Orders
from forward_proxy.workers.rules import RulesInForce
from forward_proxy.workers.shared import Shared

type Address = tuple[str, int]


class Screen(Protocol):
    """What whoever started the program sees of it; from any thread, and from every process."""

    def ready(self, addresses: Sequence[Endpoint]) -> None: ...
    def share(self, shared: Shared) -> None: ...
    def begin(self) -> None: ...
    def show(self, record: Record) -> None: ...
    def end(self) -> None: ...
    def say(self, text: str) -> None: ...


class Process:
    """One process that serves: the only one, or one of several, which has a link to its parent."""

    def __init__(
        self,
        settings: Settings,
        screen: Screen,
        rules: RulesInForce,
        shelf: Shelf,
        engine_options: EngineOptions,
        authority: LeafStore | None,
        led: Led,
        link: Link | None = None,
    ) -> None:
        self._settings = settings
        self._screen = screen
        self._rules = rules
        self._shelf = shelf
        self._link = link
        self._own = OwnListeners()
        self._access = access_options(settings)
        self._store = Store(store_folder(settings), store_options(settings), screen.say)
        self._log = TrafficLog(log_folder(settings), log_options(settings), screen.show)
        self._updater = list_updater(
            settings,
            lambda: Dialer(_dial_options(settings), self._judge),
            lambda: ssl.create_default_context(cafile=engine_options.trust_file or certifi.where()),
            lambda: rules.rules,
            screen.say,
        )
        queue = Queue(queue_folder(settings))
        grants = GrantStore(grants_folder(settings))
        self._proofs = Proofs() if settings.users else None
        wait_s = settings.cache.collapse_wait_s
        known = self._proofs, self._remember
        driver = Driver(rules, self._store, self._log.record, queue, wait_s, grants, rules.used, led, *known)
        self._engine = Engine(engine_options, driver, authority if settings.inspect else None, self._lane())

    def serve(self, *, changes: bool = True) -> None:
        """Until a signal or the parent says to stop; without `changes`, rules and lists stay as they are."""
        with self._started(changes), asyncio.Runner(loop_factory=self._loop) as runner:
            runner.run(self._serve())

    @contextlib.contextmanager
    def _started(self, changes: bool) -> Iterator[None]:
        # One process checks the store, watches the rule files and renews lists for all.
        first, again = (self._link.number == 1, self._link.again) if self._link else (True, False)
        with contextlib.ExitStack() as stack:
            stack.callback(self._screen.end)
            if self._proofs is not None:
                stack.callback(self._proofs.close)
            self._store.start(check=first or again)
            stack.callback(self._store.close)
            self._log.start()
            stack.callback(self._log.stop)
            if first and changes:
                watcher = self._watcher()
                watcher.start()
                stack.callback(watcher.stop)
                self._updater.start()
                stack.callback(self._updater.stop)
            yield

    async def _serve(self) -> None:
        def bound(addresses: list[Listening]) -> None:
            self._own = OwnListeners(frozenset((unmapped(ip_address(at.host)), at.port) for at in addresses))
            _stop_by_signal(self._stop)
            if self._link is None:
                self._screen.ready(endpoints(addresses))
                self._screen.begin()
            else:
                self._link.obey(Orders(self._screen.begin, self._engine.stop, self._engine.hurry))
                self._link.ready()

        serving = asyncio.ensure_future(self._engine.run(bound))
        counting = asyncio.ensure_future(self._rules.used.run()) if self._rules.used else None
        _stop_by_signal(serving.cancel)  # Until it listens, the engine has nothing to stop.
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        if counting is not None:
            counting.cancel()
            await asyncio.wait((counting,))

    def _lane(self) -> Callable[[Handover], Lane] | None:
        """What makes the fast lane, once there is something to hand over to; None when it is off."""
        if not self._settings.fast_lane:
            return None
        options = LaneOptions(int(self._settings.idle_timeout_s), self._settings.fast_lane_tls)
        used, known = self._rules.used, (self._proofs, self._remember)
        return lambda handover: Lane(self._rules, self._store, self._log, handover, options, used, *known)

    def _remember(self, refused: Refused) -> None:
        if self._rules.refused is not None:
            self._rules.refused.remember(refused)

    def _stop(self) -> None:
        """By a signal; the second one does not wait, unless the parent may have had the same and passed it on."""
        if self._link is None and self._engine.stopping:
            self._engine.hurry()
        self._engine.stop()

    def _loop(self) -> asyncio.AbstractEventLoop:
        return judging_loop(Dialer(_dial_options(self._settings), self._judge))

    def _judge(self, address: IPAddress, port: int, client: IPAddress) -> Prohibited | None:
        here = frozenset((address,)) if _is_of_this_machine(address) else frozenset[IPAddress]()
        own = OwnListeners(self._own.bound, here)
        return judge_loop(address, port, own) or judge_address(address, client, self._access)

    def _watcher(self) -> Watcher:
        self._shelf.apart = True
        self._rules.catch_up()
        return Watcher(
            self._settings.rules,
            self._reloaded,
            self._kept,
            in_force=self._rules.rules,
            default=self._settings.default_verdict,
            shelf=self._shelf,
        )

    def _reloaded(self, rules: Rules) -> None:
        try:
            self._rules.replace(rules)
        except OSError as fault:
            self._screen.say(f"rules not reloaded, they cannot be handed to the other workers: {fault.strerror}")
            return
        self._screen.say(f"rules reloaded: {rules.summary}")
        self._updater.look()

    def _kept(self, fault: RuleFileError) -> None:
        self._screen.say(f"rules not reloaded, the last good ones stay in force:\n{fault}")


def _stop_by_signal(stop: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop)


def endpoints(listening: Sequence[Listening]) -> list[Endpoint]:
    return [Endpoint(at.host, at.port, tls=at.certificate is not None) for at in listening]


def _dial_options(settings: Settings) -> DialOptions:
    resolve: dict[Address, tuple[IPAddress, ...]] = {}
    for each in settings.resolve:
        key = (each.endpoint.host, each.endpoint.port)
        resolve[key] = (*resolve.get(key, ()), each.address)
    return DialOptions(resolve, settings.connect_timeout_s)


def _is_of_this_machine(address: IPAddress) -> bool:
    """Whether the address is one of ours: only those can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
