import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.basic import LONGEST_BYTES, Credentials, read_basic
from forward_proxy.message.targets import Malformed


def basic(text: str, scheme: bytes = b"Basic") -> bytes:
    return scheme + b" " + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    ("sent", "user", "password"),
    [
        (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),  # RFC 7617 §2.
        (b"Basic dGVzdDoxMjPCow==", "test", "123£"),  # §2.1.
        (basic("a:b:c"), "a", "b:c"),
        (basic("a:"), "a", ""),
        (basic("a:b", b"bAsIc"), "a", "b"),
        (b"Basic   " + base64.b64encode(b"a:b"), "a", "b"),
        (b"Basic " + base64.b64encode(b"a:b\xf6b"), "a", "b\u00f6b"),
        (basic("Zoe\u0308:u\u0308"), "Zo\u00eb", "\u00fc"),
    ],
)
def test_name_and_password(sent: bytes, user: str, password: str) -> None:
    assert read_basic(sent) == Credentials(user, password.encode())


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "a scheme other than Basic"),
        (b"Bearer abc", "a scheme other than Basic"),
        (b"Negotiate abc", "a scheme other than Basic"),
        (b"Basic", "without a name and a password"),
        (b"Basic ====", "no Base64"),
        (b"Basic YTpi, Basic YTpi", "no Base64"),  # Two fields in one.
        (basic("nobody"), "without a name and a password"),
        (basic(":secret"), "without a name and a password"),
        (basic("a:b\x00c"), "without a name and a password"),
        (basic("a\nb:c"), "without a name and a password"),
        (basic("a:" + "x" * LONGEST_BYTES), "longer than"),
    ],
)
def test_what_is_none_is_told_without_repeating_it(sent: bytes, why: str) -> None:
    read = read_basic(sent)
    assert isinstance(read, Malformed)
    assert why in read.reason
    assert "secret" not in read.reason


def test_no_password_is_shown_in_passing() -> None:
    assert "sesame" not in repr(read_basic(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="))


@given(st.binary(max_size=200))
def test_reading_never_raises(octets: bytes) -> None:
    read_basic(octets)
    read_basic(b"Basic " + octets)
    read_basic(b"Basic " + base64.b64encode(octets))
