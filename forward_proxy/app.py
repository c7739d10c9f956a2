"""The composition root: builds everything from the settings, passes it in, and owns start and stop."""

import contextlib
import resource
import secrets
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import certifi

from forward_proxy.addons.authority import LeafStore
from forward_proxy.addons.engine import Options as EngineOptions
from forward_proxy.addons.redirecting import Led
from forward_proxy.authority.checks import reminders
from forward_proxy.authority.files import utc_now
from forward_proxy.errors import SettingsError, StartError
from forward_proxy.message.hosts import ip_literal
from forward_proxy.policy import Policy
from forward_proxy.policy.refusals import NO_REFUSALS
from forward_proxy.process import Process, Screen, endpoints
from forward_proxy.rulefiles import Rules, Shelf, compiled, load
from forward_proxy.settings import Settings
from forward_proxy.settings.authorities import authority_of
from forward_proxy.settings.handedout import certificate_of
from forward_proxy.settings.options import (
    budgets_folder,
    ca_folder,
    grants_folder,
    refusals_folder,
    shelf_of,
    state_of,
)
from forward_proxy.storage.budgets import BudgetStore
from forward_proxy.storage.grants import GrantStore
from forward_proxy.storage.refusals import RefusalStore
from forward_proxy.termination.certificates import Certificate, FromFiles, OfAuthority
from forward_proxy.termination.front import Listening
from forward_proxy.users.file import UsersInForce
from forward_proxy.workers.budgets import UseOfBudgets
from forward_proxy.workers.grants import GrantsInForce
from forward_proxy.workers.link import Link
from forward_proxy.workers.ports import reserve
from forward_proxy.workers.refusals import RefusalsInForce
from forward_proxy.workers.rules import RulesInForce
from forward_proxy.workers.shared import Shared
from forward_proxy.workers.supervisor import Supervisor

# How long the clients of a proxy for one program, which has ended, may take to be gone.
_LINGER_S = 1.0


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
            supervisor.run(lambda: self._screen.ready(endpoints(reserved)))

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
