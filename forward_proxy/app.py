"""The composition root: builds everything from the settings, passes it in, and owns start and stop."""

import asyncio
import contextlib
import resource
import secrets
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
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
from forward_proxy.authority.checks import reminders
from forward_proxy.authority.files import utc_now
from forward_proxy.errors import RuleFileError, SettingsError, StartError
from forward_proxy.fastlane.lane import Lane
from forward_proxy.fastlane.lane import Options as LaneOptions
from forward_proxy.message.hosts import IPAddress, ip_literal, unmapped
from forward_proxy.policy import Policy, Refused
from forward_proxy.policy.refusals import NO_REFUSALS
from forward_proxy.renewal import list_updater
from forward_proxy.rulefiles import Rules, Shelf, Watcher, compiled, load
from forward_proxy.settings import Settings
from forward_proxy.settings.authorities import authority_of
from forward_proxy.settings.endpoints import Endpoint
from forward_proxy.settings.handedout import certificate_of
from forward_proxy.settings.options import (
    access_options,
    budgets_folder,
    ca_folder,
    grants_folder,
    log_folder,
    log_options,
    queue_folder,
    refusals_folder,
    shelf_of,
    state_of,
    store_folder,
    store_options,
)
from forward_proxy.storage.budgets import BudgetStore
from forward_proxy.storage.grants import GrantStore
from forward_proxy.storage.queue import Queue
from forward_proxy.storage.refusals import RefusalStore
from forward_proxy.storage.store import Store
from forward_proxy.termination.certificates import Certificate, FromFiles, OfAuthority
from forward_proxy.termination.front import Listening
from forward_proxy.traffic.log import TrafficLog
from forward_proxy.traffic.record import Record
from forward_proxy.users.file import UsersInForce
from forward_proxy.users.proofs import Proofs
from forward_proxy.workers.budgets import UseOfBudgets
from forward_proxy.workers.grants import GrantsInForce
from forward_proxy.workers.link import Link, Orders
from forward_proxy.workers.ports import reserve
from forward_proxy.workers.refusals import RefusalsInForce
from forward_proxy.workers.rules import RulesInForce
from forward_proxy.workers.shared import Shared
from forward_proxy.workers.supervisor import Supervisor

type Address = tuple[str, int]

# How long the clients of a proxy for one program, which has ended, may take to be gone.
_LINGER_S = 1.0


class Screen(Protocol):
    """What whoever started the program sees of it; from any thread, and from every process."""

    def ready(self, addresses: Sequence[Endpoint]) -> None: ...
    def share(self, shared: Shared) -> None: ...
    def begin(self) -> None: ...
    def show(self, record: Record) -> None: ...
    def end(self) -> None: ...
    def say(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A proxy of which nothing changes while it runs: it has these rules, heeds no grants and renews no list.

    It is one process, which listens on `bound`, and ends by its link.
    """

    rules: Rules
    bound: socket.socket
    link: Link


class App:
    """One running proxy."""

    def __init__(self, settings: Settings, screen: Screen, fixed: Fixed | None = None) -> None:
        self._settings = settings
        self._screen = screen
        self._fixed = fixed

    def run(self) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP.  Raises SettingsError and RuleFileError for what must not start."""
        settings = self._settings
        _raise_descriptor_limit()
        private_folder(settings.state)
        shelf = shelf_of(settings)
        fixed = self._fixed
        rules = fixed.rules if fixed else load(settings.rules, default=settings.default_verdict, shelf=shelf)
        authority = self._authority() if settings.needs_authority else None
        listen = [] if fixed else _listening(settings, authority)
        engine_options = EngineOptions(
            listen,
            trust_file(settings),
            int(settings.idle_timeout_s),
            stop_within_s=settings.stop_timeout_s,
            bound=fixed.bound if fixed else None,
            linger_s=_LINGER_S if fixed else 0.0,
        )
        led = Led()
        if fixed or settings.workers == 1:
            in_force = self._in_force(rules, shelf)
            link = fixed.link if fixed else None
            process = Process(settings, self._screen, in_force, shelf, engine_options, authority, led, link)
            process.serve(changes=fixed is None)
            return
        with contextlib.ExitStack() as held:
            shared = held.enter_context(contextlib.closing(Shared()))
            self._screen.share(shared)
            in_force = self._in_force(rules, shelf, shared)
            reserved = [
                replace(at, host=host, port=port) for at in listen for host, port in reserve([(at.host, at.port)], held)
            ]
            engine_options = replace(engine_options, listen=reserved, reuse_port=True)

            def serve(link: Link) -> None:
                Process(settings, self._screen, in_force, shelf, engine_options, authority, led, link).serve()

            supervisor = Supervisor(settings.workers, serve, self._screen.say, settings.stop_timeout_s)
            supervisor.run(lambda: self._screen.ready(_endpoints(reserved)))

    def _authority(self) -> LeafStore:
        authority = authority_of(self._settings)
        private_folder(ca_folder(self._settings))
        for reminder in reminders(authority, utc_now()):
            self._screen.say(f"caution: {authority.file}: {reminder}")
        return LeafStore(authority, ca_folder(self._settings))

    def _in_force(self, rules: Rules, shelf: Shelf, shared: Shared | None = None) -> RulesInForce:
        settings = self._settings
        certificate = certificate_of(settings)
        grants, budgets = GrantStore(grants_folder(settings)), BudgetStore(budgets_folder(settings))
        refused = None
        if not self._fixed:
            grants.start()
            if settings.inspect and settings.pass_through_s:
                refused = RefusalsInForce(RefusalStore(refusals_folder(settings)), settings.ca_certificate)
        budgets.start()
        key = secrets.token_bytes(32)  # All workers are forked with it.
        users = UsersInForce(settings.users) if settings.users else None
        return RulesInForce(
            rules,
            lambda rules, grants: Policy(
                state_of(
                    settings,
                    rules,
                    grants,
                    key,
                    users.users.hashes if users else None,
                    refused.in_force if refused else NO_REFUSALS,
                    certificate,
                ),
            ),
            lambda sources, pins: compiled(sources, default=settings.default_verdict, shelf=shelf, pins=pins),
            shared,
            None if self._fixed else GrantsInForce(grants),
            UseOfBudgets(budgets),
            users,
            refused,
        )


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
            lambda: Dialer(dial_options(settings), self._judge),
            lambda: ssl.create_default_context(cafile=trust_file(settings) or certifi.where()),
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
                self._screen.ready(_endpoints(addresses))
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
        return judging_loop(Dialer(dial_options(self._settings), self._judge))

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


def _listening(settings: Settings, authority: LeafStore | None) -> list[Listening]:
    """Where to listen, and by which certificate.  Raises SettingsError when that cannot be used."""
    secure = [each for each in settings.listen if each.tls]
    certificate: Certificate | None = None
    if settings.listen_certificate and settings.listen_key:
        certificate = FromFiles(settings.listen_certificate, settings.listen_key)
    elif secure and authority is not None:
        names = [each.host for each in secure if ip_literal(each.host) is None]
        certificate = OfAuthority(authority.pem, (*names, *settings.listen_names))
        for each in secure:
            certificate.context(each.host)  # Made before there are workers, they take each other's tickets.
    return [Listening(each.host, each.port, certificate if each.tls else None) for each in settings.listen]


def _endpoints(listening: Sequence[Listening]) -> list[Endpoint]:
    return [Endpoint(at.host, at.port, tls=at.certificate is not None) for at in listening]


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
