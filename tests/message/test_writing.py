"""How a head of ours is spelled."""

import pytest

from forward_proxy.message.writing import phrase, titled


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        (b"content-type", b"Content-Type"),
        (b"etag", b"ETag"),
        (b"www-authenticate", b"WWW-Authenticate"),
        (b"sec-ch-ua", b"Sec-CH-UA"),
        (b"x" * 100, b"X" + b"x" * 99),
    ],
)
def test_names_are_spelled_as_http1_programs_do(name: bytes, spelled: bytes) -> None:
    assert titled(name) == spelled


def test_a_status_code_without_a_phrase_has_an_empty_one() -> None:
    assert (phrase(404), phrase(599)) == ("Not Found", "")
