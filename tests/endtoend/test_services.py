"""A service switched off and on by command while the proxy runs: for one client, in the next answers."""

import pytest

from .clients import curl, eventually, through
from .conftest import MakeProxy
from .proxy import Proxy
from .site import Site

CHILD = "127.0.0.5"
RULES = f"""
groups: {{ kids: {CHILD} }}
services: {{ the-site: {{ name: The Site, category: sites, hosts: site.test }} }}
"""


def switched(proxy: Proxy, *words: str) -> str:
    done = proxy.command("services", *words, "--rules", str(proxy.rules), "--state", str(proxy.state))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("lane", ["on", "off"])
def test_a_switch_counts_from_the_next_answers_on(site: Site, make_proxy: MakeProxy, token: str, lane: str) -> None:
    with make_proxy(rules={"10.yaml": RULES}, options=("--fast-lane", lane)) as proxy:
        for service in ("http", "https"):
            url = site.url(f"/answer/{token}", service=service)

            def asked(client: str, url: str = url) -> int:
                return curl(*through(proxy), "--interface", client, url).status

            assert asked(CHILD) == 200
            assert switched(proxy, "block", "sites", "--group", "kids").startswith("sites: blocked for kids, by ")
            assert eventually(lambda: asked(CHILD), lambda status: status == 403) == 403
            assert asked("127.0.0.1") == 200
            answer = curl(*through(proxy), "--interface", CHILD, "-H", "Accept: text/html", url)
            assert "Switched off: The Site" in answer.content.decode()
            switched(proxy, "unblock", "the-site", "--group", "kids")
            assert eventually(lambda: asked(CHILD), lambda status: status == 200) == 200
            switched(proxy, "unblock", "sites", "--group", "kids")
        (record,) = proxy.log("verdict:denied rule:blocked-services-kids", lambda found: len(found) >= 1)[:1]
        assert record["reason"] == "Switched off: The Site"
