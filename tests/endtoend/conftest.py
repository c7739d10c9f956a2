"""One site and one proxy for all tests of a worker that can share them, and special proxies for those that cannot."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from .browser import proxied_browser
from .proxy import Proxy
from .site import Site, running_site

# One rule file for the shared proxy; tests find the line of a rule in it by its id.
RULES = """rules:
  - id: no-tracker
    action: deny
    match: { host: tracker.test }
    reason: It follows people about
  - id: not-here
    action: deny
    match: { host: blocked.test }
    reason: Blocked by the tests
"""
RULE_FILE = "10-tests.yaml"

type MakeProxy = Callable[..., Proxy]
type Browse = Callable[[], AbstractContextManager[WebDriver]]


def rule_line(rule_id: str) -> int:
    """The line of RULE_FILE on which this rule begins."""
    return RULES[: RULES.index(f"id: {rule_id}")].count("\n") + 1


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The proxy as shipped, but for its rules."""
    with Proxy(tmp_path_factory.mktemp("proxy"), site, rules={RULE_FILE: RULES}) as running:
        yield running


@pytest.fixture
def make_proxy(site: Site, tmp_path: Path) -> MakeProxy:
    """A Proxy of the test's own, not started, that remembers its folder from one call to the next."""

    def make(**arguments: object) -> Proxy:
        return Proxy(tmp_path, site, **arguments)  # type: ignore[arg-type]  # Proxy itself types them.

    return make


@pytest.fixture
def browse(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """Each call opens a browser that knows nothing of the one before, behind the shared proxy."""
    return lambda: proxied_browser(tmp_path_factory.mktemp("home"), proxy.ca_file, proxy.url)


@pytest.fixture
def token(request: pytest.FixtureRequest) -> str:
    """A name for this test's targets that no other test and no earlier run has used.

    It is short, because the log masks long random words as possible secrets.
    """
    return f"{re.sub('[^a-z]', '', request.node.name)[4:14]}-{uuid4().hex[:8]}"
