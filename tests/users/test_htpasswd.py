import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.users.htpasswd import read_users, with_user, without_user

from .passwords import HASHES, hashed

ALICE, BOB = HASHES["alice"], HASHES["bob"]
SHA = b"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="


def test_names_and_hashes() -> None:
    content = b"# staff\n\nalice:" + ALICE + b"\r\nZoe\xcc\x88:" + BOB.replace(b"$2b$", b"$2y$") + b":a comment\n"
    read = read_users(content, "users")
    assert (set(read.hashes), read.faults) == ({"alice", "Zo\u00eb"}, ())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"eve:$apr1$salt$8PxNgZDlZRVBOhGEDhKE6/",
         "the hash is MD5 (apr1), and only bcrypt counts: forward-proxy users add, or htpasswd -B"),
        (b"eve:" + SHA, "the hash is SHA-1, and only bcrypt counts"),
        (b"eve:$6$salt$hash", "the hash is SHA-512 crypt"),
        (b"eve:rl5FQRjTzMlyQ", "the hash is none that is known here"),
        (b"eve:plain", "the hash is none that is known here"),
        (b"eve:$2x$05$" + ALICE[7:], "the hash is a faulty bcrypt"),
        (b"eve:" + ALICE[:-1], "the hash is none that is known here"),
        (b"eve:" + ALICE[:28] + b"Z" + ALICE[29:], "the hash is none that is known here"),  # Salt that bcrypt refuses.
        (b"eve:" + ALICE.replace(b"$05$", b"$31$"), "bcrypt of cost 31; expected 5 to 17"),
        (b"eve:" + ALICE.replace(b"$05$", b"$04$"), "bcrypt of cost 4; expected 5 to 17"),
        (b"eve", "expected NAME:HASH"),
        (b":" + ALICE, "expected the name of a user"),
        (b"e\x1bve:" + ALICE, "expected the name of a user"),
        (b"\xff:" + ALICE, "not UTF-8"),
    ],
)  # fmt: skip
def test_a_line_that_does_not_count_is_told_with_its_place_and_proves_nobody(line: bytes, why: str) -> None:
    read = read_users(b"alice:" + ALICE + b"\n" + line + b"\n", "etc/users")
    assert set(read.hashes) == {"alice"}
    (fault,) = read.faults
    assert fault.startswith("etc/users:2: ")
    assert why in fault
    assert ALICE[-20:].decode() not in fault


def test_a_name_with_two_lines_is_nobody_s() -> None:
    read = read_users(b"alice:" + ALICE + b"\nbob:" + BOB + b"\nalice:" + BOB + b"\n", "users")
    assert (set(read.hashes), read.faults) == ({"bob"}, ("users:3: alice stands in line 1 already; neither counts",))


def test_a_user_is_added_replaced_and_removed_and_the_rest_stays() -> None:
    before = b"# staff\nalice:" + ALICE + b"\n\nbob:" + BOB
    other = hashed("other")
    replaced = with_user(before, "alice", other)
    assert replaced == b"# staff\nalice:" + other + b"\n\nbob:" + BOB + b"\n"
    assert with_user(replaced, "eve", ALICE) == replaced + b"eve:" + ALICE + b"\n"
    assert with_user(b"", "eve", ALICE) == b"eve:" + ALICE + b"\n"
    assert without_user(replaced, "bob") == b"# staff\nalice:" + other + b"\n\n"
    assert without_user(replaced, "staff") is None


@given(st.binary(max_size=300))
def test_reading_never_raises(content: bytes) -> None:
    read_users(content, "users")
    read_users(b"a:" + content + b"\n" + content + b":" + ALICE, "users")
