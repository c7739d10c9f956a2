"""Who says to be whom is the same one to both drivers, and costs neither of them the next request."""

import asyncio
from ipaddress import ip_address
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, create_connection
from struct import pack
from typing import Any

import bcrypt
import pytest

from forward_proxy.policy import Policy
from forward_proxy.policy.authentication import Authentication
from forward_proxy.users.proofs import Proofs
from tests.addons.engine import Running, kept_status, running_engine, running_origin
from tests.policy.building import policy
from tests.users.passwords import HASHES, credentials, hashed

from .pair import Pair, inside, received
from .scenarios import inside as inside_request
from .scenarios import request, response

FRESH = ("Cache-Control", "max-age=3600")
SITE = "http://site.test/"
STORED = (response(f"{SITE}a", FRESH), response("https://site.test/a", FRESH), response("http://open.test/a", FRESH))
RULES = """
rules:
  - { id: open, action: allow, match: { host: open.test } }
  - { id: no-alice, action: deny, match: { user: alice, path: /a }, reason: Not for her }
"""
ALICE, BOB, WRONG = credentials("alice"), credentials("bob"), credentials("alice", "guessed")


def door(folder: Path, rules: str = RULES, **authentication: Any) -> Policy:
    return policy(folder, rules, authentication=Authentication(**{"hashes": HASHES, **authentication}))


def with_user(url: str, user: bytes, *lines: str, **more: Any) -> bytes:
    return request(url, f"Proxy-Authorization: {user.decode()}", *lines, **more)


CASES = {
    "nobody": (request(f"{SITE}a"), [407], [None]),
    "nobody, where it does not matter": (request("http://open.test/a"), [200], [None]),
    "alice": (with_user(f"{SITE}a", ALICE), [403], ["alice"]),
    "bob": (with_user(f"{SITE}a", BOB), [200], ["bob"]),
    "bob, where it does not matter": (with_user("http://open.test/a", BOB), [200], ["bob"]),
    "a wrong password": (with_user(f"{SITE}a", WRONG), [407], [None]),
    "a wrong password, where it does not matter": (with_user("http://open.test/a", WRONG), [200], [None]),
    "another scheme": (request(f"{SITE}a", "Proxy-Authorization: Bearer abc"), [407], [None]),
    "no Basic": (request(f"{SITE}a", "Proxy-Authorization: Basic !"), [407], [None]),
    "two of them": (with_user(f"{SITE}a", BOB, f"Proxy-Authorization: {BOB.decode()}"), [407], [None]),
    "Authorization, which is the origin's": (request(f"{SITE}a", f"Authorization: {BOB.decode()}"), [407], [None]),
    "named away": (with_user(f"{SITE}a", BOB, "Connection: Proxy-Authorization, close", last=False), [200], ["bob"]),
    "one after the other": (
        request(f"{SITE}a", last=False)
        + with_user(f"{SITE}a", WRONG, last=False)
        + with_user(f"{SITE}a", BOB, last=False)
        + with_user(f"{SITE}a", ALICE, last=False)
        + with_user(f"{SITE}a", BOB, last=False)
        + request(f"{SITE}a"),
        [407, 407, 200, 403, 200, 407],
        [None, None, "bob", "alice", "bob", None],
    ),
    "a purge": (with_user(f"{SITE}a", BOB, method="PURGE"), [200], ["bob"]),
}


@pytest.mark.parametrize("case", CASES)
def test_both_drivers_know_the_same_user(pair: Pair, tmp_path: Path, case: str) -> None:
    octets, statuses, users = CASES[case]
    for known in (False, True):  # Tried, and remembered.
        pair.given(door(tmp_path), STORED)
        lane, chain = pair.seen(octets)
        assert lane == chain
        assert (lane.statuses, known) == (statuses, known)
        assert [record.user for record in pair.lane.records[-len(users) :]] == users
        assert b"guessed" not in lane.octets


@pytest.mark.parametrize(
    ("user", "status", "name"), [(b"", 403, None), (ALICE, 403, "alice"), (BOB, 200, "bob"), (WRONG, 403, None)]
)
def test_all_inside_a_tunnel_is_of_who_opened_it(
    pair: Pair, tmp_path: Path, user: bytes, status: int, name: str | None
) -> None:
    # The tunnel is opened while no rule asks who it is.
    pair.given(door(tmp_path, ""), STORED)
    asked = door(tmp_path)
    for running in pair.both:
        with (
            create_connection(("127.0.0.1", running.port), timeout=20) as plain,
            inside(plain, "site.test:443", pair.ca_file, user) as client,
        ):
            assert kept_status(client, inside_request("/a", "site.test", last=False)) == b"200"
            running.policy = asked
            before = len(running.records)
            # What comes inside is the origin's business, and proves nothing here.
            client.sendall(inside_request("/a", "site.test", f"Proxy-Authorization: {BOB.decode()}"))
            assert received(client).startswith(b"HTTP/1.1 %d" % status)
            running.records.wait_for(before + 1)
            assert running.records[-1].user == name


def test_who_is_removed_gets_nothing_more_through_an_open_tunnel(pair: Pair, tmp_path: Path) -> None:
    pair.given(door(tmp_path), STORED)
    without = door(tmp_path, hashes={"alice": HASHES["alice"]})
    other = door(tmp_path, hashes=HASHES | {"bob": hashed("another")})
    for running in pair.both:
        for changed in (without, other):
            running.policy = door(tmp_path)
            with (
                create_connection(("127.0.0.1", running.port), timeout=20) as plain,
                inside(plain, "site.test:443", pair.ca_file, BOB) as client,
            ):
                for _ in range(2):
                    assert kept_status(client, inside_request("/a", "site.test", last=False)) == b"200"
                running.policy = changed
                assert kept_status(client, inside_request("/a", "site.test", last=False)) == b"403"


def test_a_connection_outlives_the_refusal_of_a_connect(pair: Pair, tmp_path: Path) -> None:
    pair.given(door(tmp_path), STORED)
    connect = "CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n"
    for running in pair.both:
        with create_connection(("127.0.0.1", running.port), timeout=20) as client:
            for user, status in ((b"", b"407"), (WRONG, b"407"), (b"Bearer x", b"407")):
                sent = f"Proxy-Authorization: {user.decode()}\r\n" if user else ""
                assert kept_status(client, f"{connect}{sent}\r\n".encode()) == status
            client.sendall(f"{connect}Proxy-Authorization: {BOB.decode()}\r\n\r\n".encode())
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("user", [b"", WRONG])
def test_content_of_who_is_not_known_is_not_waited_for(pair: Pair, tmp_path: Path, user: bytes) -> None:
    pair.given(door(tmp_path, always=True))
    lines = ["Content-Length: 1000000", *([f"Proxy-Authorization: {user.decode()}"] if user else [])]
    for running in pair.both:
        answer = _until_the_head_ends(running, request(f"{SITE}a", *lines, method="POST", last=False))
        assert answer.startswith(b"HTTP/1.1 407 ")


def test_content_that_comes_while_the_password_is_tried_reaches_the_origin(pair: Pair, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    with running_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as origin:
        url = f"http://127.0.0.1:{origin.port}/up"
        for running in pair.both:
            running.policy = door(tmp_path, hashes={"carol": hashed("c")}, always=True)
            user = f"Proxy-Authorization: {credentials('carol', 'c').decode()}"
            sent = request(url, user, f"Content-Length: {len(content)}", method="POST") + content
            assert running.exchange(sent).startswith(b"HTTP/1.1 200 ")
    heads = [head.partition(b"\r\n\r\n")[0].lower() for head in origin.received]
    assert len(heads) == 2
    assert not any(b"proxy-auth" in head for head in heads)


def test_answers_to_credentials_are_not_kept_by_them(pair: Pair, tmp_path: Path) -> None:
    pair.given(door(tmp_path), STORED)
    for _ in range(3):
        pair.seen(with_user(f"{SITE}a", BOB))
    assert not any(b"proxy-authorization" in head.lower() for _, head in pair.lane.lane.memory.answers)


def test_who_leaves_while_the_password_is_tried_leaves_nothing_behind(tmp_path: Path) -> None:
    proofs, hashes = Proofs(), {"alice": bcrypt.hashpw(b"wonderland", bcrypt.gensalt(12))}
    with running_engine(door(tmp_path, hashes=hashes), tmp_path / "engine", proofs=proofs) as running:
        connect = b"CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\nProxy-Authorization: %b\r\n\r\n" % ALICE
        with create_connection(("127.0.0.1", running.port), timeout=20) as client:
            client.sendall(connect)
            asyncio.run_coroutine_threadsafe(begun(proofs), running.loops[0]).result(20)
            client.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))  # Closing resets the connection.
        proof = proofs.prove(ALICE, hashes, ip_address("127.0.0.1"))
        asyncio.run_coroutine_threadsafe(proof, running.loops[0]).result(20)
        assert running.exchange(request(f"{SITE}a")).startswith(b"HTTP/1.1 407 ")
        assert running.driver.tunnels._connects == {}


async def begun(proofs: Proofs) -> None:
    """Until some password is tried."""
    while not proofs._under_way:
        await asyncio.sleep(0.001)


def _until_the_head_ends(running: Running, octets: bytes) -> bytes:
    with create_connection(("127.0.0.1", running.port), timeout=20) as client:
        client.sendall(octets)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = client.recv(65536)
            assert more, answer
            answer += more
        return answer
