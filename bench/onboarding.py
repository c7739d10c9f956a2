"""`python -m bench.onboarding`: docs/setup.png, the setup page as Chromium on Linux shows it once all is done."""

import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bench.processes import ROOT, Peer, running
from tests.endtoend.browser import PATIENCE_S, missing_tools, proxied_browser

_URL = "http://forward.proxy/"
_SIZE = 800, 900


def main() -> int:
    if missing := missing_tools():
        print(f"nothing is drawn: {', '.join(missing)} not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="onboarding-") as name:
        folder = Path(name)
        (folder / "rules").mkdir()
        words = [sys.executable, "-m", "forward_proxy", "run", "--rules", str(folder / "rules")]
        words += ["--state", str(folder / "state")]
        proxy = Peer("proxy", lambda port, _: [*words, "--listen", f"127.0.0.1:{port}"], b"listening on ")
        with running(proxy, _URL, folder) as one:
            authority = folder / "state" / "ca" / "forward-proxy-ca.pem"
            with proxied_browser(folder / "browser", authority, f"http://127.0.0.1:{one.port}") as driver:
                driver.set_window_size(*_SIZE)
                driver.get(_URL)
                WebDriverWait(driver, PATIENCE_S).until(lambda page: page.find_element(By.ID, "yes").is_displayed())
                driver.save_screenshot(str(ROOT / "docs" / "setup.png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
