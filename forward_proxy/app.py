"""The composition root: builds everything from the settings, passes it in, and owns start and stop."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import certifi

from forward_proxy.access.targets import OwnListeners, Prohibited, judge_address, judge_loop
from forward_proxy.addons.authority import open_authority
from forward_proxy.addons.dialing import Dialer
from forward_proxy.addons.dialing import Options as DialOptions
from forward_proxy.addons.driver import Driver
from forward_proxy.addons.engine import Engine
from forward_proxy.addons.engine import Options as EngineOptions
from forward_proxy.addons.handover import Handover
from forward_proxy.addons.loops import judging_loop
from forward_proxy.errors import RuleFileError, SettingsError, StartError
from forward_proxy.fastlane.lane import Lane
from forward_proxy.fastlane.lane import Options as LaneOptions
from forward_proxy.message.hosts import IPAddress, unmapped
from forward_proxy.policy import Policy
from forward_proxy.rulefiles import Rules, Watcher, load
from forward_proxy.settings import Settings
from forward_proxy.settings.options import (
    access_options,
    ca_folder,
    log_folder,
    log_options,
    state_of,
    store_folder,
    store_options,
)
from forward_proxy.storage.store import Store
from forward_proxy.traffic.log import TrafficLog
from forward_proxy.traffic.record import Record

logger = logging.getLogger(__name__)

type Address = tuple[str, int]


class App:
    """One running proxy.  `show` is told of every record, `say` what the operator should read."""

    def __init__(self, settings: Settings, show: Callable[[Record], None], say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._own = OwnListeners()
        self._access = access_options(settings)
        self._store = Store(store_folder(settings), store_options(settings), say)
        self._log = TrafficLog(log_folder(settings), log_options(settings), show)

    def run(self, ready: Callable[[Sequence[Address]], None]) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP.  Raises SettingsError and RuleFileError for what must not start."""
        settings = self._settings
        _raise_descriptor_limit()
        rules = load(settings.rules, default=settings.default_verdict)
        private_folder(settings.state)
        authority = open_authority(ca_folder(settings)) if settings.inspect else None
        driver = Driver(Policy(state_of(settings, rules)), self._store, self._log.record)
        engine = Engine(self._engine_options(), driver, authority, self._lane(driver))
        watcher = Watcher(
            settings.rules,
            lambda new: self._reloaded(driver, new),
            self._kept,
            in_force=rules,
            default=settings.default_verdict,
        )
        with self._started(watcher), asyncio.Runner(loop_factory=self._loop) as runner:
            runner.run(self._serve(engine, ready))

    @contextlib.contextmanager
    def _started(self, watcher: Watcher) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            self._store.start()
            stack.callback(self._store.close)
            self._log.start()
            stack.callback(self._log.stop)
            watcher.start()
            stack.callback(watcher.stop)
            yield

    async def _serve(self, engine: Engine, ready: Callable[[Sequence[Address]], None]) -> None:
        def bound(addresses: list[Address]) -> None:
            _stop_by_signal(engine.stop)
            self._own = OwnListeners(frozenset((unmapped(ip_address(host)), port) for host, port in addresses))
            ready(addresses)

        serving = asyncio.ensure_future(engine.run(bound))
        _stop_by_signal(serving.cancel)  # Until it listens, the engine has nothing to stop.
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    def _lane(self, driver: Driver) -> Callable[[Handover], Lane] | None:
        """What makes the fast lane, once there is something to hand over to; None when it is off."""
        if not self._settings.fast_lane:
            return None
        options = LaneOptions(int(self._settings.idle_timeout_s))
        return lambda handover: Lane(lambda: driver.policy, self._store, self._log, handover, options)

    def _loop(self) -> asyncio.AbstractEventLoop:
        return judging_loop(Dialer(dial_options(self._settings), self._judge))

    def _judge(self, address: IPAddress, port: int, client: IPAddress) -> Prohibited | None:
        here = frozenset((address,)) if _is_of_this_machine(address) else frozenset[IPAddress]()
        own = OwnListeners(self._own.bound, here)
        return judge_loop(address, port, own) or judge_address(address, client, self._access)

    def _engine_options(self) -> EngineOptions:
        settings = self._settings
        listen = tuple((endpoint.host, endpoint.port) for endpoint in settings.listen)
        return EngineOptions(listen, trust_file(settings), int(settings.idle_timeout_s))

    def _reloaded(self, driver: Driver, rules: Rules) -> None:
        driver.policy = Policy(state_of(self._settings, rules))
        self._say(f"rules reloaded: {rules.summary}")

    def _kept(self, fault: RuleFileError) -> None:
        self._say(f"rules not reloaded, the last good ones stay in force:\n{fault}")


def _stop_by_signal(stop: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop)


def dial_options(settings: Settings) -> DialOptions:
    resolve: dict[Address, tuple[IPAddress, ...]] = {}
    for each in settings.resolve:
        key = (each.endpoint.host, each.endpoint.port)
        resolve[key] = (*resolve.get(key, ()), each.address)
    return DialOptions(resolve, settings.connect_timeout_s)


def trust_file(settings: Settings) -> Path | None:
    """One file of all authorities that origins are verified by; None when the usual ones are all."""
    if settings.origin_ca is None:
        return None
    try:
        own = settings.origin_ca.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not text"
        raise SettingsError(f"{settings.origin_ca}: cannot be read as PEM certificates: {reason}") from fault
    if "-----BEGIN CERTIFICATE-----" not in own:
        raise SettingsError(f"{settings.origin_ca}: holds no PEM certificate")
    bundle = ca_folder(settings) / "origins.pem"
    private_folder(bundle.parent)
    bundle.write_text(Path(certifi.where()).read_text(encoding="utf-8") + own, encoding="utf-8")
    return bundle


def private_folder(folder: Path) -> None:
    """Make the folder, for this user alone; its content says where people go.  Raises StartError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as fault:
        raise StartError(f"{folder}: cannot be used for state: {fault.strerror}") from fault


def _raise_descriptor_limit() -> None:
    """As many connections as this user may have; the usual soft limit of 1024 is some five browsers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _is_of_this_machine(address: IPAddress) -> bool:
    """Whether the address is one of ours: only those can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
