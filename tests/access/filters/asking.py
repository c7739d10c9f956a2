"""Lists and requests for the tests of this folder, from as few words as they need."""

from typing import Any

from forward_proxy.access.filters import Filters, Report, parse_filters
from forward_proxy.access.lists.found import Found
from forward_proxy.matching.subject import Subject
from tests.matching.requests import subject

URL = "https://ads.example.com/banner/ad.js?size=1"


def request(url: str = URL, resource: str = "script", page: str | None = "news.example", **facts: Any) -> Subject:
    """A request of a page of another site, unless said otherwise."""
    return subject(url, **({"resource": resource, "page": page, "third_party": True} | facts))


def tunnel(host: str = "ads.example.com") -> Subject:
    """A CONNECT as rules see it."""
    return Subject("CONNECT", "https", host, 443, "", f"https://{host}", 0)


def read(*lines: str) -> Filters:
    return reported(*lines)[0]


def reported(*lines: str) -> tuple[Filters, Report]:
    return parse_filters("\n".join(lines), "test")


def found(lines: str | tuple[str, ...], asked: Subject) -> Found | None:
    return read(*((lines,) if isinstance(lines, str) else lines)).find(asked)


def blocks(lines: str | tuple[str, ...], asked: Subject) -> bool:
    answer = found(lines, asked)
    return answer is not None and not answer.exception


def reason(line: str) -> tuple[str, str]:
    """Kind and reason of a line that is not acted on."""
    _, report = reported(line)
    assert report.filters == 0, "the line is acted on"
    (ignored,) = report.ignored
    return ignored.kind, ignored.reason
