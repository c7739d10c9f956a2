"""`python -m bench.denied`: denied, unblocking, budget and certificate .png in docs/, what a person sees in Chromium.

The first is a page that a rule denies, to somebody who may unblock it; the second is where its link leads; the third is
a page that a rule denies because its minutes are used up; the fourth a page of a site whose certificate has expired.
"""

import socketserver
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import trustme
from selenium.webdriver.common.by import By

from bench.processes import ROOT, Peer, running
from forward_proxy.access.budgets import Account
from forward_proxy.storage.budgets import BudgetStore, Tally
from tests.endtoend.browser import missing_tools, proxied_browser

_URL = "http://games.test/"
_RULES = """rules:
  - id: no-games
    action: deny
    match: { host: games.test }
    reason: Homework first
  - id: an-hour
    action: deny
    match: { host: play.test }
    budget: { minutes: 60, resets: "04:00", zone: ZONE }
    reason: One hour of games a day
"""
_SPENT = "http://play.test/"
_SHOP_PORT = 8443
_SIZE = 800, 500


def main() -> int:
    if missing := missing_tools():
        print(f"nothing is drawn: {', '.join(missing)} not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="denied-") as name:
        folder = Path(name)
        (folder / "rules").mkdir()
        (folder / "rules" / "20-home.yaml").write_text(_RULES.replace("ZONE", _evening()))
        _use_up(folder / "state")
        settings = "unblock_from_page: 127.0.0.1\nrules: rules\nstate: state\n"
        settings += f"connect_ports: {_SHOP_PORT}\nresolve: shop.test:{_SHOP_PORT}:127.0.0.1\norigin_ca: shop-ca.pem\n"
        (folder / "proxy.yaml").write_text(settings)
        # There, rule files are named as an operator names his.
        there = ["env", f"--chdir={folder}", f"PYTHONPATH={ROOT}"]
        words = [*there, sys.executable, "-m", "forward_proxy", "run", "--settings", "proxy.yaml"]
        proxy = Peer("proxy", lambda port, _: [*words, "--listen", f"127.0.0.1:{port}"], b"listening on ")
        with _shop(folder), running(proxy, _URL, folder) as one:
            authority = folder / "state" / "ca" / "forward-proxy-ca.pem"
            with proxied_browser(folder / "browser", authority, f"http://127.0.0.1:{one.port}") as driver:
                driver.set_window_size(*_SIZE)
                driver.get(_URL)
                driver.save_screenshot(str(ROOT / "docs" / "denied.png"))
                driver.find_element(By.LINK_TEXT, "Unblock it for a while").click()
                driver.save_screenshot(str(ROOT / "docs" / "unblocking.png"))
                driver.get(_SPENT)
                driver.save_screenshot(str(ROOT / "docs" / "budget.png"))
                driver.get(f"https://shop.test:{_SHOP_PORT}/")
                driver.save_screenshot(str(ROOT / "docs" / "certificate.png"))
    return 0


@contextmanager
def _shop(folder: Path) -> Iterator[None]:
    """A site whose certificate was good until yesterday."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(folder / "shop-ca.pem")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    authority.issue_cert("shop.test", not_after=yesterday).configure_cert(context)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), context.wrap_socket(self.request, server_side=True):
                pass  # Nobody gets this far.

    with socketserver.ThreadingTCPServer(("127.0.0.1", _SHOP_PORT), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _evening() -> str:
    """A zone where it is between six and seven in the evening."""
    ahead = 18 - datetime.now(UTC).hour
    ahead -= 24 if ahead > 14 else 0
    return f"Etc/GMT{-ahead:+}"  # Their sign is that of POSIX: west is ahead.


def _use_up(state: Path) -> None:
    """As if the last hour had been spent there."""
    store, now = BudgetStore(state / "budgets"), int(time.time())
    store.start()
    hour = range(now // 60 - 60, now // 60)
    store.add({(Account("an-hour", "127.0.0.1"), minute): Tally(opened=True) for minute in hour}, now)


if __name__ == "__main__":
    sys.exit(main())
