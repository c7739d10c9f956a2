"""A list by URL: fetched behind the proxy's back, in force in every worker, held in doubt, there without a network."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.rulefiles.publisher import Publisher, publishing

from .clients import eventually
from .conftest import MakeProxy
from .proxy import Proxy
from .site import Site
from .test_workers import TWO, Clients

pytestmark = pytest.mark.xdist_group("workers")
OFTEN = {"lists": {"refresh": "1s"}}


def rules(publisher: Publisher) -> dict[str, str]:
    rule = f"{{id: ads, action: deny, list: {{source: '{publisher.url}'}}, reason: Advertising}}"
    return {"x.yaml": f"rules: [{rule}]\n"}


def asked(proxy: Proxy, *words: str) -> tuple[int, str]:
    """Exit status and stdout of a command about the rules."""
    done = proxy.command("rules", *words, "--state", str(proxy.state), "--rules", str(proxy.rules))
    return done.returncode, done.stdout


def listed(proxy: Proxy) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(asked(proxy, "lists", "--json")[1])
    return row


def statuses(clients: Clients, url: str) -> set[int]:
    return {status for status, _ in clients.ask_all(url)}


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_from_the_first_fetch_to_an_accepted_edition(
    site: Site, make_proxy: MakeProxy, held: ExitStack, token: str
) -> None:
    used = site.url(f"/answer/{token}", host="cdn.test")
    refused = site.url("/answer/refused", host="tracker.test")
    with (
        publishing("tracker.test\n") as publisher,
        make_proxy(rules=rules(publisher), settings=OFTEN, options=TWO) as proxy,
    ):
        clients = Clients(proxy, held)
        assert eventually(lambda: statuses(clients, refused), lambda got: got == {403}) == {403}
        assert clients.ask(0, "GET", used)[0] == 200
        assert proxy.record(token)["verdict"] == "allowed"
        publisher.publish("tracker.test\ncdn.test\n")
        row = eventually(lambda: listed(proxy), lambda row: row["held"] is not None)
        assert row["held"]["denied_hosts"] == ["cdn.test"]
        assert clients.ask(0, "GET", used)[0] == 200
        status, told = asked(proxy, "lists")
        assert status == 1
        assert "  +1 entry: cdn.test" in told.splitlines()
        assert "  in use, and denied with it: cdn.test" in told.splitlines()
        assert asked(proxy, "accept", "ads") == (0, f"{publisher.url}: accepted, 2 rules\n")
        assert eventually(lambda: statuses(clients, used), lambda got: got == {403}) == {403}
        status, _ = asked(proxy, "accept", "ads")
        assert status == 1


def test_the_last_good_copy_is_in_force_at_a_start_without_a_network(
    site: Site, make_proxy: MakeProxy, held: ExitStack
) -> None:
    refused = site.url("/answer/refused", host="tracker.test")
    with publishing("tracker.test\n") as publisher:
        named = rules(publisher)
        with make_proxy(rules=named) as proxy:
            clients = Clients(proxy, held)
            assert eventually(lambda: statuses(clients, refused), lambda got: got == {403}) == {403}
    with make_proxy(rules=named) as proxy:
        assert statuses(Clients(proxy, held), refused) == {403}


def test_a_redirect_leads_to_no_private_address(make_proxy: MakeProxy) -> None:
    with publishing() as publisher, publishing() as private:
        publisher.status, publisher.location = 302, private.url
        with make_proxy(rules=rules(publisher)) as proxy:
            row = eventually(lambda: listed(proxy), lambda row: row["failure"] is not None)
        assert row["failure"].startswith("destination_ip_prohibited: ")
        assert not row["there"]
        assert not private.asked


def test_offline_fetches_nothing_and_says_what_is_not_there(make_proxy: MakeProxy) -> None:
    with publishing() as publisher:
        with make_proxy(rules=rules(publisher), options=["--offline", "on"]) as proxy:
            told = proxy.output
        assert f"caution: list {publisher.url} is not there yet; until it is, nothing is on it" in told
        assert not publisher.asked


FILTERS = "! Title: Ours\n||tracker.test^$all\n!#include more.txt\n"


def several(publisher: Publisher) -> dict[str, str]:
    """A list by URL, beside one in a file that excepts a part of what it blocks."""
    both = f"[{{source: '{publisher.url}'}}, {{source: fine.txt}}]"
    return {
        "x.yaml": f"rules: [{{id: ads, action: deny, list: {both}, reason: Advertising}}]\n",
        "fine.txt": "[Adblock]\n@@/answer/fine|$all\n",
    }


def test_what_a_list_includes_is_held_shown_accepted_and_there_without_a_network(
    site: Site, make_proxy: MakeProxy, held: ExitStack, token: str
) -> None:
    used, refused = site.url(f"/answer/{token}", host="cdn.test"), site.url("/answer/refused", host="tracker.test")
    fine, included = site.url("/answer/fine", host="tracker.test"), site.url("/answer/x", host="more.test")
    with publishing(FILTERS) as publisher:
        publisher.beside = {"/more.txt": "||more.test^$all\n"}
        named = several(publisher)
        with make_proxy(rules=named, settings=OFTEN, options=TWO) as proxy:
            clients = Clients(proxy, held)
            assert eventually(lambda: statuses(clients, included), lambda got: got == {403}) == {403}
            assert (statuses(clients, refused), statuses(clients, fine)) == ({403}, {200})
            assert clients.ask(0, "GET", used)[0] == 200
            assert proxy.record(token)["verdict"] == "allowed"
            publisher.beside = {"/more.txt": "||new.test^$all\n||cdn.test^$all\n"}
            told = eventually(lambda: asked(proxy, "lists")[1], lambda told: "held" in told)
            assert [line.strip() for line in told.splitlines() if line.startswith(("  +", "  -", "  held"))] == [
                "held: it would deny 1 host in use, such as cdn.test",
                "+2 entries: ||new.test^$all, ||cdn.test^$all",
                "-1 entry: ||more.test^$all",
            ]
            more = publisher.url.replace("/list", "/more.txt")
            assert f"  included, line 3: {more}: 1 line, 1 rule" in told.splitlines()
            assert clients.ask(0, "GET", used)[0] == 200
            assert asked(proxy, "accept", "ads") == (0, f"{publisher.url}: accepted, 3 rules\n")
            assert eventually(lambda: statuses(clients, used), lambda got: got == {403}) == {403}
            explained = proxy.command("explain", used, "--state", str(proxy.state), "--rules", str(proxy.rules)).stdout
            assert f"by rule ads ({more}:2): Advertising: ||cdn.test^$all." in explained
    with make_proxy(rules=named) as proxy:
        clients = Clients(proxy, held)
        assert (statuses(clients, used), statuses(clients, fine)) == ({403}, {200})


SIGN_IN = "<!DOCTYPE html>\n<title>Sign in</title>\n<script>$(go('/login'))</script>\n<p>Welcome to this network.\n"


def test_a_page_to_sign_in_at_takes_the_place_of_no_list(site: Site, make_proxy: MakeProxy, held: ExitStack) -> None:
    refused = site.url("/answer/refused", host="tracker.test")
    with publishing("tracker.test\n") as publisher, make_proxy(rules=rules(publisher), settings=OFTEN) as proxy:
        clients = Clients(proxy, held)
        assert eventually(lambda: statuses(clients, refused), lambda got: got == {403}) == {403}
        publisher.publish(SIGN_IN)
        row = eventually(lambda: listed(proxy), lambda row: row["held"] is not None)
        assert row["held"]["doubts"] == ["is a web page, not a list"]
        assert proxy.said("is held: is a web page, not a list")
        assert statuses(clients, refused) == {403}
        assert asked(proxy, "accept", "ads")[0] == 1
        publisher.publish("tracker.test\nmore.test\n")
        assert eventually(lambda: listed(proxy), lambda row: row["held"] is None)["rules"] == 2


def test_one_tracker_more_is_no_reason_to_hold_a_list(
    site: Site, make_proxy: MakeProxy, held: ExitStack, token: str
) -> None:
    refused = site.url("/answer/refused", host="tracker.test")
    asked_for = site.url(f"/answer/{token}", host="cdn.test")
    with publishing("tracker.test\n") as publisher, make_proxy(rules=rules(publisher), settings=OFTEN) as proxy:
        clients = Clients(proxy, held)
        assert eventually(lambda: statuses(clients, refused), lambda got: got == {403}) == {403}
        page = {"Referer": "http://news.test/", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "script"}
        assert clients.ask(0, "GET", asked_for, **page)[0] == 200
        assert proxy.record(token)["page"] == "news.test"
        publisher.publish("tracker.test\ncdn.test\n")
        row = eventually(lambda: listed(proxy), lambda row: row["rules"] == 2 or row["held"])
        assert row["held"] is None
        assert eventually(lambda: clients.ask(0, "GET", asked_for, **page)[0], lambda got: got == 403) == 403
