"""Puts together what renews lists: how it dials, by whom it verifies, and what it is told of the traffic."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from forward_proxy.access.lists.updates import Use
from forward_proxy.access.parents import origin_via
from forward_proxy.addons.dialing import Dialer
from forward_proxy.addons.ways import Dialling, dialling, way_of
from forward_proxy.history.past import COLUMNS, past, read_row
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy.tunnels import tunnel_subject
from forward_proxy.rulefiles.fetching import Fetcher
from forward_proxy.rulefiles.rules import Rules
from forward_proxy.rulefiles.subscriptions import Subscriptions
from forward_proxy.rulefiles.updating import Updater
from forward_proxy.settings import Settings
from forward_proxy.settings.options import lists_folder, log_folder, shelf_of, update_options
from forward_proxy.traffic.hosts import in_use as in_use_since
from forward_proxy.traffic.query import TrafficReader

_IN_USE_S = 7 * 86_400
_TOGETHER, _PAUSE_S = 50, 0.002
# Lists are the operator's, who is on this machine; where a redirect leads, no more may be reached than by anybody.
_OPERATOR, _ANYBODY = ip_address("127.0.0.1"), ip_address("0.0.0.0")  # noqa: S104


def list_updater(
    settings: Settings,
    dialer: Callable[[], Dialer],
    tls: Callable[[], ssl.SSLContext],
    rules: Callable[[], Rules],
    say: Callable[[str], object],
) -> Updater:
    """Renews the lists that the rules in force name by URL; `dialer` and `tls` are asked for when there is one."""

    def dial(host: str, port: int, redirected: bool) -> socket.socket:
        async def connect() -> socket.socket:
            subject = tunnel_subject(host, port, KnownClient(_OPERATOR), int(time.time()))
            via = origin_via(rules().origin_via, subject)
            dialling.set(Dialling(_ANYBODY if redirected else _OPERATOR, way_of(None, via)))
            return await dialer().connect(host, port)

        with asyncio.Runner() as runner:
            return runner.run(connect())

    def in_use() -> Iterator[Use]:
        """What the log shows was let past lately.  Raises TrafficError."""
        rows = in_use_since(TrafficReader(log_folder(settings)), COLUMNS, time.time() - _IN_USE_S)
        for number, (*values, exchanges) in enumerate(rows):
            if number % _TOGETHER == 0:
                time.sleep(_PAUSE_S)  # Requests go first.
            row = read_row(values)
            seen = None if row is None else past(row)
            if seen is not None:
                yield Use(seen.subject, exchanges if isinstance(exchanges, int) else 1)

    subscriptions, options = Subscriptions(lists_folder(settings)), update_options(settings)
    return Updater(shelf_of(settings, apart=True), subscriptions, Fetcher(dial, tls), rules, in_use, say, options)
