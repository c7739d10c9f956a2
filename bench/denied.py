"""`python -m bench.denied`: docs/denied.png, docs/unblocking.png and docs/budget.png, what a person sees in Chromium.

The first is a page that a rule denies, to somebody who may unblock it; the second is where its link leads; the third is
a page that a rule denies because its minutes are used up.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

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
        (folder / "proxy.yaml").write_text("unblock_from_page: 127.0.0.1\nrules: rules\nstate: state\n")
        # There, rule files are named as an operator names his.
        there = ["env", f"--chdir={folder}", f"PYTHONPATH={ROOT}"]
        words = [*there, sys.executable, "-m", "forward_proxy", "run", "--settings", "proxy.yaml"]
        proxy = Peer("proxy", lambda port, _: [*words, "--listen", f"127.0.0.1:{port}"], b"listening on ")
        with running(proxy, _URL, folder) as one:
            authority = folder / "state" / "ca" / "forward-proxy-ca.pem"
            with proxied_browser(folder / "browser", authority, f"http://127.0.0.1:{one.port}") as driver:
                driver.set_window_size(*_SIZE)
                driver.get(_URL)
                driver.save_screenshot(str(ROOT / "docs" / "denied.png"))
                driver.find_element(By.LINK_TEXT, "Unblock it for a while").click()
                driver.save_screenshot(str(ROOT / "docs" / "unblocking.png"))
                driver.get(_SPENT)
                driver.save_screenshot(str(ROOT / "docs" / "budget.png"))
    return 0


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
