import pytest

from forward_proxy.explaining.asking import asked
from forward_proxy.matching.facts import RESOURCES
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import Malformed

URL = "https://www.example.com/x"


def _head(*args: str, **more: object) -> RequestHead:
    head = asked(*args, **more)  # type: ignore[arg-type]  # passed on as the tests spell it
    assert isinstance(head, RequestHead), head
    return head


def test_host_is_the_only_field_of_a_bare_question() -> None:
    assert _head("HTTPS://WWW.Example.com:443/x").fields.lines == ((b"host", b"www.example.com"),)


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_resource_word_is_what_the_request_is_taken_for(resource: str) -> None:
    assert subject_of(_head(URL, resource=resource), None, 0).resource == resource


@pytest.mark.parametrize(
    ("page", "host", "third_party"),
    [
        ("news.example", "news.example", True),
        ("https://news.example/story?id=1", "news.example", True),
        ("shop.example.com", "shop.example.com", False),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("about:blank", None, None),
        ("blob:https://news.example/1", None, None),
    ],
)
def test_a_page_is_a_host_or_a_url(page: str, host: str | None, third_party: bool | None) -> None:
    subject = subject_of(_head(URL, page=page), None, 0)
    assert (subject.page, subject.third_party) == (host, third_party)


def test_fields_that_are_given_win_over_those_that_page_and_resource_stand_for() -> None:
    lines = [("Referer", "https://a.example/"), ("SEC-FETCH-DEST", "image"), ("X-One", " 1\t")]
    head = _head(URL, page="b.example", resource="script", lines=lines)
    assert head.fields.lines[1:] == (
        (b"referer", b"https://a.example/"), (b"sec-fetch-dest", b"image"), (b"x-one", b"1"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "has_content"),
    [(("Content-Length", "0"), False), (("Content-Length", "7"), True), (("Transfer-Encoding", "chunked"), True)],
)
def test_content_is_told_by_its_framing(line: tuple[str, str], has_content: bool) -> None:
    assert _head(URL, "POST", lines=[line]).has_content is has_content


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"url": "nonsense"}, "not an absolute URI"),
        ({"url": "ftp://a.example/"}, "scheme is neither http nor https"),
        ({"method": "get"}, "did you mean GET?"),
        ({"method": "GE T"}, "expected a method name"),
        ({"resource": "picture"}, "unknown resource picture"),
        ({"page": "not a host"}, "expected the host or URL of a page"),
        ({"page": "https:///x"}, "expected the host or URL of a page"),
        ({"page": "https://a.example/\r\nx: y"}, "expected the host or URL of a page"),
        ({"lines": [("Host", "a.example")]}, "Host follows from the URL"),
        ({"lines": [("a b", "")]}, "'a b' is no field name"),
        ({"lines": [("ä", "")]}, "is no field name"),
        ({"lines": [("x", "1\r\ny: 2")]}, "more than one line"),
    ],
)
def test_what_no_client_would_send_is_malformed_and_says_why(question: dict[str, object], reason: str) -> None:
    answer = asked(**({"url": URL} | question))  # type: ignore[arg-type]  # as above
    assert isinstance(answer, Malformed)
    assert reason in answer.reason
