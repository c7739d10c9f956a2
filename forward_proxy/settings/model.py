"""Every setting there is, with its default and meaning.

`Settings` holds parsed values, each with the source that won: flags over environment over file over default.
"""
# ruff: noqa: RUF009 - one, optional and many are field() with more to say; nothing is called for an instance.

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from forward_proxy.access.options import Action
from forward_proxy.anonymity.level import Level
from forward_proxy.matching.clients import Network
from forward_proxy.settings import kinds
from forward_proxy.settings.declared import Setting, declared, many, one, optional
from forward_proxy.settings.endpoints import Endpoint, Resolution
from forward_proxy.settings.kinds import Kind, words

LEVEL: Kind[Level] = words({level.value: level for level in Level}, "off, standard or strict")
VERDICT: Kind[Action] = words({"allow": "allow", "deny": "deny"})
type Profile = Literal["auto", "private", "shared"]
PROFILE: Kind[Profile] = words({"auto": "auto", "private": "private", "shared": "shared"}, "auto, private or shared")
type TlsClients = Literal["http1-clients", "all"]
TLS_CLIENTS: Kind[TlsClients] = words({"all": "all", "http1-clients": "http1-clients"})
type Offline = Literal["auto", "on", "off"]
OFFLINE: Kind[Offline] = words({"auto": "auto", "on": "on", "off": "off"}, "auto, on or off")
type Authenticate = Literal["when-needed", "always"]
AUTHENTICATE: Kind[Authenticate] = words({"when-needed": "when-needed", "always": "always"})
CLEARTEXT: Kind[bool] = words(
    {"off": False, "no": False, "false": False, "yes-i-mean-it": True},
    "off, or yes-i-mean-it to let passwords of other machines cross the network in the clear",
)
# Saying yes in passing is not enough here.
SECRETS: Kind[bool] = words(
    {"off": False, "no": False, "false": False, "yes-i-mean-it": True},
    "off, or yes-i-mean-it to write passwords and tokens in addresses to the log in the clear",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from: `where` is file:line:column, the variable's name or the flag, empty for a default."""

    kind: Literal["default", "file", "environment", "flag"] = "default"
    where: str = ""

    def __str__(self) -> str:
        return self.where or self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """The store of responses."""

    enabled: bool = one(kinds.SWITCH, "on", "Store responses and reuse them.")
    profile: Profile = one(
        PROFILE,
        "auto",
        "Who is served: private (one person), shared, or auto: private while only this machine can connect, and there "
        "are no users.",
        "--cache-profile",
    )
    size_limit_bytes: int = one(kinds.POSITIVE_SIZE, "1GiB", "The most that stored responses may take on disk.")
    reserve_bytes: int = one(kinds.SIZE, "128MiB", "Disk space left free: nothing is stored when less would remain.")
    max_content_bytes: int = one(kinds.POSITIVE_SIZE, "256MiB", "A response with more content is not stored.")
    heuristic_fraction: float = one(
        kinds.FRACTION, "0.1", "The part of the time since Last-Modified for which a response without expiry is fresh."
    )
    heuristics_with_query: bool = one(
        kinds.SWITCH, "off", "Give that heuristic freshness to targets with a query, too."
    )
    collapse_wait_s: float = one(
        kinds.GRACE, "5s", "How long a request waits for the answer to another one for the same; off: not at all."
    )
    stale_while_revalidate_s: float = one(
        kinds.GRACE,
        "off",
        "How long a stale response that names no such time answers at once, the origin being asked meanwhile.",
    )
    stale_if_error_s: float = one(
        kinds.GRACE, "off", "How long a stale response that names no such time stands in for an origin's error."
    )
    targets: tuple[str, ...] = many(
        kinds.TARGET_FIELD,
        (),
        "Fields such as CDN-Cache-Control that are for this cache, the first counts first (RFC 9213).",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The record of every exchange."""

    keep_days: int = one(kinds.DAYS, "30", "Older records are deleted.")
    max_size_bytes: int = one(kinds.POSITIVE_SIZE, "512MiB", "The oldest records are deleted when the log is larger.")
    with_secrets: bool = one(
        SECRETS,
        "off",
        "Whether Authorization, Cookie and fields like them are logged with their values.",
        "--log-with-secrets",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaSettings:
    """The certificate authority that signs for inspected hosts, where it is not to be one of our own."""

    certificate: Path | None = optional(
        kinds.FILE,
        "PEM certificates of a CA to sign with in place of an own one: the signing one, then its issuers.",
        "--ca-certificate",
    )
    key: Path | None = optional(kinds.FILE, "The PEM key of that CA, readable by this user alone.", "--ca-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettings:
    """Lists that rules name by URL."""

    refresh_s: float = one(
        kinds.DURATION, "1d", "How often a list is asked for when neither its rule nor the list itself says."
    )
    max_shrink: float = one(
        kinds.FRACTION, "0.3", "A new edition of a list that has lost more than this part of its rules is held."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the program was asked to do."""

    listen: tuple[Endpoint, ...] = many(
        kinds.LISTENING,
        ("127.0.0.1:8080",),
        "Where clients connect, by TLS to those with https:// before them; port 0 picks a free one.",
        "--listen",
    )
    listen_certificate: Path | None = optional(
        kinds.FILE,
        "What https:// addresses of listen show: PEM, the proxy's own certificate first; else one of the CA.",
    )
    listen_key: Path | None = optional(kinds.FILE, "The private key of listen_certificate, PEM.")
    listen_names: tuple[str, ...] = many(
        kinds.HOST, (), "Names that a certificate of the CA for https:// addresses of listen is for, too."
    )
    rules: tuple[Path, ...] = many(kinds.FOLDER, None, "Folders of rule files, the first asked first.", "--rules")
    default_verdict: Action = one(VERDICT, "allow", "What becomes of a request that no rule matches.")
    state: Path = one(kinds.FOLDER, None, "Where stored responses, the log and the CA are kept.", "--state")
    allow_clients: tuple[Network, ...] = many(
        kinds.NETWORK,
        (),
        "Other machines that may use the proxy; required to listen beyond loopback.",
        "--allow-clients",
    )
    users: Path | None = optional(
        kinds.FILE, "An htpasswd file, of bcrypt alone: who may say to be whom, by name and password.", "--users"
    )
    authenticate: Authenticate = one(
        AUTHENTICATE,
        "when-needed",
        "Whom to ask for a name and password: when-needed (where rules depend on it), or always everyone.",
        "--authenticate",
    )
    passwords_in_cleartext: bool = one(
        CLEARTEXT,
        "off",
        "Whether other machines may send their passwords where anybody on the way can read them.",
    )
    purge_clients: tuple[Network, ...] = many(
        kinds.NETWORK, (), "Other machines that may purge stored responses by PURGE; this one always may."
    )
    unblock_from_page: tuple[Network, ...] = many(
        kinds.NETWORK, (), "Clients that may unblock what was denied for a while, from the page that says so."
    )
    ask_from_page: tuple[Network, ...] = many(
        kinds.NETWORK, (), "Clients that may ask for what was denied, from the page that says so."
    )
    own_names: tuple[str, ...] = many(
        kinds.HOST,
        (),
        "Names and addresses, besides that it listens on, at which clients find this proxy's setup page.",
    )
    connect_ports: tuple[int, ...] = many(
        kinds.PORT, ("443",), "Ports that CONNECT may name; 443 always may.", "--connect-port"
    )
    allow_private_targets: bool = one(
        kinds.SWITCH,
        "off",
        "Let every client reach loopback, private, link-local and metadata addresses.",
        "--allow-private-targets",
    )
    origin_ca: Path | None = optional(
        kinds.FILE, "PEM certificates to trust in origins besides the usual ones.", "--origin-ca"
    )
    resolve: tuple[Resolution, ...] = many(
        kinds.RESOLUTION,
        (),
        "The address to dial for a host and port, as curl has it; several are tried in turn.",
        "--resolve",
    )
    connect_timeout_s: float = one(kinds.DURATION, "10s", "How long connecting to an origin may take.")
    idle_timeout_s: float = one(kinds.DURATION, "10m", "How long a connection may carry nothing before it is closed.")
    stop_timeout_s: float = one(
        kinds.DURATION, "5s", "How long exchanges under way may take to finish when the proxy is stopped."
    )
    workers: int = one(
        kinds.WORKERS, "1", "How many processes serve, on the same port and store; auto for one per core.", "--workers"
    )
    anonymity: Level = one(LEVEL, "standard", "Which fields leave this proxy, where no rule says else.", "--anonymity")
    inspect: bool = one(
        kinds.SWITCH, "on", "Open TLS to judge, cache and log what is inside; off opens none.", "--inspect"
    )
    pass_through_s: float = one(
        kinds.GRACE,
        "1d",
        "How long a host is not opened for a client that refused the certificate shown for it; off: always opened.",
    )
    pass_through_despite_rules: bool = one(
        kinds.SWITCH, "off", "Do so also where a rule could deny what is inside, which then passes unread."
    )
    fast_lane: bool = one(
        kinds.SWITCH,
        "on",
        "Answer denials and fresh hits before mitmproxy; changes speed, never an answer.",
        "--fast-lane",
    )
    fast_lane_tls: TlsClients = one(
        TLS_CLIENTS, "http1-clients", "Whose TLS the fast lane ends: of clients that speak HTTP/1.1 only, or of all."
    )
    offline: Offline = one(
        OFFLINE,
        "auto",
        "Answer from what is stored, stale or not: auto while an origin cannot be reached, on without asking any.",
        "--offline",
    )
    ca: CaSettings = CaSettings()
    cache: CacheSettings = CacheSettings()
    lists: ListSettings = ListSettings()
    log: LogSettings = LogSettings()
    sources: Mapping[str, Source] = field(default=MappingProxyType({}), compare=False)

    @property
    def ca_certificate(self) -> Path:
        """The certificate of the authority that signs for inspected hosts; unless given, the first `run` makes it.

        Of several in the file, the last is the one to trust.
        """
        return self.ca.certificate or self.state / "ca" / "forward-proxy-ca.pem"

    @property
    def cache_is_shared(self) -> bool:
        """Whether more than one person is served (RFC 9111 §1)."""
        several = self._reaches_others or self.users is not None
        return several if self.cache.profile == "auto" else self.cache.profile == "shared"

    @property
    def _reaches_others(self) -> bool:
        """Whether other machines may use this proxy."""
        return bool(self.allow_clients) or not all(endpoint.is_loopback for endpoint in self.listen)

    @property
    def _reaches_others_in_cleartext(self) -> bool:
        """Whether what they send to it may be read on the way."""
        return self._reaches_others and not all(endpoint.tls for endpoint in self.listen)

    @property
    def shows_own_leaf(self) -> bool:
        """Whether a certificate of our CA is shown to those who reach the proxy itself by TLS."""
        return self.listen_certificate is None and any(endpoint.tls for endpoint in self.listen)

    @property
    def needs_authority(self) -> bool:
        """Whether anything is signed by our CA."""
        return self.inspect or self.shows_own_leaf

    @property
    def serves_users_only(self) -> bool:
        """Whether nobody gets anything without a name and password."""
        return self.users is not None and self.authenticate == "always"

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the operator has switched on and should be reminded of at every start."""
        return tuple(f"{key} ({self.sources.get(key, Source())}): {text}" for key, text in self._cautions())

    def _cautions(self) -> list[tuple[str, str]]:
        cautions = []
        if self.log.with_secrets:
            cautions.append(("log.with_secrets", "passwords and tokens in addresses are logged in the clear"))
        if self.allow_private_targets:
            cautions.append(
                ("allow_private_targets", "every client can reach this machine, its network and its cloud metadata")
            )
        if self.pass_through_s and self.pass_through_despite_rules and self.inspect:
            cautions.append(
                ("pass_through_despite_rules", "whoever refuses the certificate gets past rules about what is inside")
            )
        if self._reaches_others and not self.cache_is_shared:
            cautions.append(("cache.profile", "personal responses are stored, and other machines may use this proxy"))
        if self.passwords_in_cleartext and self.users is not None and self._reaches_others_in_cleartext:
            cautions.append(("passwords_in_cleartext", "anybody on the way can read the passwords of other machines"))
        if self.offline == "on":
            cautions.append(("offline", "no origin is asked, and what is not stored is answered 504"))
        if any(network.prefixlen == 0 for network in self.allow_clients):
            cautions.append(("allow_clients", "every machine that can reach this proxy may use it"))
        return cautions


SETTINGS: tuple[Setting, ...] = tuple(declared(Settings))
BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}
