from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.socks import Asked, Login, read_greeting, read_login, read_request, reply
from forward_proxy.message.targets import Malformed

NAME = b"\x05\x01\x00\x03\x09SITE.test\x01\xbb"


@pytest.mark.parametrize(
    ("octets", "read"),
    [
        (b"\x05\x01\x00", (frozenset({0}), 3)),
        (b"\x05\x03\x00\x01\x02rest", (frozenset({0, 1, 2}), 5)),
        (b"\x05\x00", (frozenset(), 2)),
    ],
)
def test_a_greeting_offers_methods(octets: bytes, read: object) -> None:
    assert read_greeting(octets) == read


def test_a_login_is_a_name_and_a_password() -> None:
    assert read_login(b"\x01\x05alice\x0awonderlandrest") == (Login(b"alice", b"wonderland"), 18)
    assert read_login(b"\x01\x00\x00") == (Login(b"", b""), 3)
    assert "wonderland" not in repr(Login(b"alice", b"wonderland"))


@pytest.mark.parametrize(
    ("octets", "asked"),
    [
        (NAME, Asked("site.test", 443)),
        (b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", Asked("192.0.2.1", 80)),
        (b"\x05\x01\x00\x04" + ip_address("2001:db8::1").packed + b"\x00\x50", Asked("2001:db8::1", 80)),
        (b"\x05\x01\x00\x04" + ip_address("::ffff:192.0.2.1").packed + b"\x00\x50", Asked("192.0.2.1", 80)),
        (b"\x05\x01\x00\x03\x0a127.0.0.01\x00\x50", Asked("127.0.0.1", 80)),
        (b"\x05\x02\x00\x03\x09SITE.test\x01\xbb", Asked("", 0, 7)),
        (b"\x05\x03\x00\x01\xc0\x00\x02\x01\x00\x50", Asked("", 0, 7)),
        (b"\x05\x01\x00\x02abcdef", Asked("", 0, 8)),
        (b"\x05\x01\x00\x03\x09site.test\x00\x00", Asked("", 0, 1)),
        (b"\x05\x01\x00\x03\x00\x01\xbb", Asked("", 0, 1)),
        (b"\x05\x01\x00\x03\x0aa\r\nX: y.te\x01\xbb", Asked("", 0, 1)),
        (b"\x05\x01\x00\x03\x04\xff\xfe.a\x01\xbb", Asked("", 0, 1)),
        (b"\x05\x01\x00\x03\xff" + b"a" * 255 + b"\x01\xbb", Asked("", 0, 1)),
    ],
)  # fmt: skip
def test_a_request_names_host_and_port_or_why_not(octets: bytes, asked: Asked) -> None:
    assert read_request(octets) == (asked, len(octets))


@pytest.mark.parametrize("read", [read_greeting, read_login, read_request])
def test_another_version_is_told_at_once(read: object) -> None:
    assert isinstance(read(b"\x04"), Malformed)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("read", "whole"),
    [(read_greeting, b"\x05\x02\x00\x02"), (read_login, b"\x01\x01a\x01b"), (read_request, NAME)],
)
def test_half_of_it_is_waited_for(read: object, whole: bytes) -> None:
    assert [read(whole[:length]) for length in range(len(whole))] == [None] * len(whole)  # type: ignore[operator]


@given(st.binary(max_size=600))
def test_nothing_raises_and_nothing_is_waited_for_without_end(octets: bytes) -> None:
    for read, first in ((read_greeting, b"\x05"), (read_login, b"\x01"), (read_request, b"\x05\x01\x00")):
        outcome = read(first + octets)
        if isinstance(outcome, tuple):
            assert 0 < outcome[1] <= len(first + octets)
        else:
            assert outcome is None or isinstance(outcome, Malformed)
        assert len(octets) < 520 or outcome is not None


def test_a_reply_tells_no_address() -> None:
    assert reply(2) == b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"
