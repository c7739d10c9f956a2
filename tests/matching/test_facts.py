import pytest

from forward_proxy.matching.subject import Subject
from tests.matching.requests import matcher, problems, subject


@pytest.mark.parametrize(
    ("match", "seen", "holds"),
    [
        ({"scheme": "http"}, subject("http://example.com/"), True),
        ({"scheme": "http"}, subject("https://example.com/"), False),
        ({"scheme": "https"}, subject("wss://example.com/"), True),
        ({"port": 443}, subject("https://example.com/"), True),
        ({"port": "443"}, subject("http://example.com/"), False),
        ({"port": "8000-9000"}, subject("http://example.com:8000/"), True),
        ({"port": "8000-9000"}, subject("http://example.com:9000/"), True),
        ({"port": "8000-9000"}, subject("http://example.com:9001/"), False),
        ({"port": [80, "8000-9000"]}, subject("http://example.com/"), True),
        ({"method": "POST"}, subject(method="POST"), True),
        ({"method": ["PUT", "POST"]}, subject(method="GET"), False),
        ({"method": "GET"}, subject(method="get"), False),
        ({"method": "PROPFIND"}, subject(method="PROPFIND"), True),
        ({"resource": "script"}, subject(resource="script"), True),
        ({"resource": ["script", "image"]}, subject(resource="document"), False),
        ({"third_party": True}, subject(third_party=True), True),
        ({"third_party": "true"}, subject(third_party=False), False),
        ({"third_party": "false"}, subject(third_party=False), True),
        ({"third_party": True}, subject(third_party=None), False),
        ({"third_party": False}, subject(third_party=None), False),
    ],
)
def test_a_plain_fact_is_compared(match: dict[str, object], seen: Subject, holds: bool) -> None:
    assert matcher(match).matches(seen) is holds


@pytest.mark.parametrize("match", [{"method": "GET"}, {"resource": "other"}, {"third_party": True}, {"path": "*"}])
def test_of_what_is_inside_a_tunnel_neither_a_key_nor_its_negation_holds(match: dict[str, object]) -> None:
    tunnel = subject("https://example.com/", method="CONNECT", third_party=True)
    assert not matcher(match).matches(tunnel)
    assert not matcher({"not": match}).matches(tunnel)


def test_of_a_tunnel_method_and_authority_are_known() -> None:
    tunnel = subject("https://example.com/", method="CONNECT")
    assert matcher({"method": "CONNECT", "url": r"//example\.com"}).matches(tunnel)
    assert not matcher({"not": {"url": "/inside"}}).matches(tunnel)


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ({"scheme": "ftp"}, "expected http or https, not ftp"),
        ({"port": "0"}, "expected a port from 1 to 65535 or a range such as 8000-9000, not 0"),
        ({"port": 65536}, "expected a port from 1 to 65535 or a range such as 8000-9000, not 65536"),
        ({"port": "9000-8000"}, "expected a port from 1 to 65535 or a range such as 8000-9000, not 9000-8000"),
        ({"port": "0x50"}, "expected a port from 1 to 65535 or a range such as 8000-9000, not 0x50"),
        ({"port": "-80"}, "expected a port from 1 to 65535 or a range such as 8000-9000, not -80"),
        ({"method": "post"}, "method names are case-sensitive; did you mean POST?"),
        ({"method": "A B"}, "expected a method name such as GET, not A B"),
        ({"resource": "scripts"}, "unknown resource scripts; did you mean script?"),
        ({"third_party": "yes"}, "expected true or false, not yes"),
    ],
)
def test_what_a_fact_cannot_be_is_told(match: dict[str, object], text: str) -> None:
    assert problems(match) == [(next(iter(match)), text)]
