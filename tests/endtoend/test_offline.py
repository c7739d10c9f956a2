"""The site's server has stopped: what was visited opens all the same, and what was not comes once it is back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask, Response, request
from selenium.webdriver.common.by import By

from .browser import image_widths, proxied_browser
from .clients import curl, eventually, through
from .conftest import MakeProxy
from .content import png
from .ledger import Ledger
from .proxy import Proxy
from .site import Site, server_tls
from .webserver import WebServer

NAME = "files.test"
PAGE = """<!doctype html><title>Page</title><link rel="icon" href="data:,">
<h1 id="here">%s</h1><img src="/image.png" alt="">"""
# A validator and no lifetime: every visit asks the site.
ASKED_EACH_TIME = {"Cache-Control": "max-age=0", "ETag": '"1"'}


def application() -> Flask:
    app = Flask(__name__)

    @app.get("/<name>")
    def page(name: str) -> Response:
        if request.headers.get("If-None-Match") == '"1"':
            return Response(status=304, headers=ASKED_EACH_TIME)
        if name == "image.png":
            return Response(png(name), headers=ASKED_EACH_TIME, mimetype="image/png")
        return Response(PAGE % name, headers=ASKED_EACH_TIME, mimetype="text/html")

    return app


@contextmanager
def serving(site: Site, scheme: str, port: int = 0) -> Iterator[int]:
    """An origin of the test's own, on this port or a free one, until the block ends."""
    with WebServer(application(), Ledger(), server_tls(site.ca) if scheme == "https" else None, port) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_visited_page_opens_with_the_server_stopped_and_another_once_it_is_back(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, scheme: str
) -> None:
    with serving(site, scheme) as port:
        base = f"{scheme}://{NAME}:{port}"
        options = ["--resolve", f"{NAME}:{port}:127.0.0.1"]
        proxy: Proxy = make_proxy(options=options, settings={"connect_ports": [port]})
        proxy.start()
        with proxied_browser(tmp_path / "first", proxy.ca_file, proxy.url) as driver:
            driver.get(f"{base}/visited")
            assert driver.find_element(By.ID, "here").text == "visited"
            assert image_widths(driver) == [8]
    with proxied_browser(tmp_path / "second", proxy.ca_file, proxy.url) as driver:
        driver.get(f"{base}/visited")
        assert driver.find_element(By.ID, "here").text == "visited"
        assert image_widths(driver) == [8]
        driver.refresh()
        assert driver.find_element(By.ID, "here").text == "visited"
        driver.get(f"{base}/unseen")
        assert "once it can be reached" in driver.find_element(By.TAG_NAME, "main").text
    told = proxy.record("/visited", 3)
    assert (told["outcome"], told["cache_detail"]) == (
        "stale", "the origin cannot be reached: connection_refused"
    )  # fmt: skip
    queued = proxy.command("cache", "queue", "--state", str(proxy.state))
    assert f"{base}/unseen" in queued.stdout
    with serving(site, scheme, port):
        later = eventually(
            lambda: curl(*through(proxy), "-H", "Cache-Control: only-if-cached, max-stale", f"{base}/unseen"),
            lambda answer: answer.status == 200,
        )
    assert b"unseen" in later.content
    proxy.stop()
