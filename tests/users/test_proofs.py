"""Real hashes of the least cost, and a count of how often they were computed."""

import asyncio
from collections.abc import Coroutine, Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from forward_proxy.matching.client import Unproved, User
from forward_proxy.users import proofs as module
from forward_proxy.users.attempts import AT_ONCE
from forward_proxy.users.proofs import REMEMBERED_S, WRONG, Proof, Proofs

from .passwords import HASHES, credentials, hashed

HERE = ip_address("192.0.2.1")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def proofs(clock: Clock) -> Iterator[Proofs]:
    made = Proofs(clock)
    yield made
    made.close()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes that were tried, in their order."""
    tried: list[bytes] = []
    fits = module._fits

    def counted(password: bytes, entry: bytes) -> bool:
        tried.append(entry)
        return fits(password, entry)

    monkeypatch.setattr(module, "_fits", counted)
    return tried


def run[T](work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def test_right_wrong_and_unknown(proofs: Proofs, computed: list[bytes]) -> None:
    assert run(proofs.prove(credentials("alice"), HASHES, HERE)) == User("alice", HASHES["alice"])
    assert run(proofs.prove(credentials("alice", "x"), HASHES, HERE)) == WRONG
    assert run(proofs.prove(credentials("eve", "x"), HASHES, HERE)) == WRONG
    # Somebody else's password is none of eve's, and trying it took as long.
    assert run(proofs.prove(credentials("eve", "wonderland"), HASHES, HERE)) == WRONG
    assert run(proofs.prove(credentials("eve", "böb"), HASHES, HERE)) == WRONG
    assert len(computed) == 5


def test_credentials_are_tried_once_be_they_right_or_wrong(proofs: Proofs, computed: list[bytes]) -> None:
    for sent in (credentials("alice"), credentials("alice", "x"), credentials("eve", "x")):
        assert proofs.seen(sent, HASHES) is None
        first = run(proofs.prove(sent, HASHES, HERE))
        assert proofs.seen(sent, HASHES) == first == run(proofs.prove(sent, HASHES, HERE))
    assert len(computed) == 3


def test_who_comes_meanwhile_waits_for_the_same_answer(proofs: Proofs, computed: list[bytes]) -> None:
    async def many() -> list[Proof]:
        return await asyncio.gather(*(proofs.prove(credentials("bob"), HASHES, HERE) for _ in range(20)))

    assert set(run(many())) == {User("bob", HASHES["bob"])}
    assert len(computed) == 1


def test_it_is_forgotten_after_a_while_and_with_the_file(proofs: Proofs, clock: Clock) -> None:
    sent = credentials("alice")
    run(proofs.prove(sent, HASHES, HERE))
    clock.now = REMEMBERED_S
    assert proofs.seen(sent, HASHES) is None
    run(proofs.prove(sent, HASHES, HERE))
    others = {"bob": HASHES["bob"]}
    assert proofs.seen(sent, others) is None
    assert run(proofs.prove(sent, others, HERE)) == WRONG
    changed = {"alice": hashed("another")}
    assert run(proofs.prove(sent, changed, HERE)) == WRONG


def test_passwords_are_tried_from_one_address_a_few_at_a_time(
    proofs: Proofs, clock: Clock, computed: list[bytes]
) -> None:
    known = credentials("bob")
    run(proofs.prove(known, HASHES, HERE))
    for number in range(AT_ONCE):
        assert run(proofs.prove(credentials("alice", str(number)), HASHES, HERE)) == WRONG
    refused = run(proofs.prove(credentials("alice"), HASHES, HERE))
    assert refused == Unproved("too many wrong passwords from 192.0.2.1; the next may be tried in 31 s", 429)
    assert len(computed) == 1 + AT_ONCE
    # What is known goes on, and so does what comes from elsewhere.
    assert run(proofs.prove(known, HASHES, HERE)) == User("bob", HASHES["bob"])
    assert isinstance(run(proofs.prove(credentials("alice"), HASHES, ip_address("192.0.2.2"))), User)


def test_what_is_no_basic_credentials_costs_nothing(proofs: Proofs, computed: list[bytes]) -> None:
    for _ in range(2 * AT_ONCE):
        assert run(proofs.prove(b"Bearer x", HASHES, HERE)) == Unproved("credentials of a scheme other than Basic")
    assert computed == []


def test_a_password_that_bcrypt_would_cut_short_is_wrong(proofs: Proofs) -> None:
    long = {"alice": hashed("x" * 72)}
    assert isinstance(run(proofs.prove(credentials("alice", "x" * 72), long, HERE)), User)
    assert run(proofs.prove(credentials("alice", "x" * 73), long, HERE)) == WRONG


def test_without_users_nobody_is_right(proofs: Proofs) -> None:
    assert run(proofs.prove(credentials("alice"), {}, HERE)) == WRONG


def test_no_password_and_no_hash_is_kept(proofs: Proofs) -> None:
    run(proofs.prove(credentials("alice"), HASHES, HERE))
    kept = repr(vars(proofs)["_seen"])
    assert "alice" in kept
    assert "wonderland" not in kept
    assert HASHES["alice"].decode() not in kept
    assert all(len(key) == 32 for key in proofs._seen)
