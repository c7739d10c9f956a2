"""Requests and subjects as the tests of this folder write them: text in, heads out."""

from forward_proxy.anonymity import Level, request_edits, response_edits
from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.targets import Malformed, parse_target_uri

NOW = 1_800_000_000  # January 2027.

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


def section(text: str) -> FieldSection:
    """A field section from `Name: value` lines; indentation and blank lines do not count."""
    lines = (line.strip().partition(":") for line in text.splitlines() if line.strip())
    return FieldSection((name.encode(), value.strip().encode("latin-1")) for name, _, value in lines)


def words(text: str) -> list[str]:
    return text.split()


def request(url: str = "https://origin.example/", fields: str = "", method: str = "GET") -> RequestHead:
    target = parse_target_uri(url)
    assert not isinstance(target, Malformed)
    return RequestHead(method, target, section(fields))


def subject(
    head: RequestHead, resource: Resource = "other", third_party: bool | None = None, page: str | None = None
) -> Subject:
    target = head.target
    return Subject(
        method=head.method,
        scheme=target.scheme,
        host=target.host,
        port=target.port,
        path=target.path,
        url=str(target),
        at=NOW,
        resource=resource,
        page=page,
        third_party=third_party,
    )


def exchange(
    fields: str = "",
    resource: Resource = "other",
    third_party: bool | None = None,
    method: str = "GET",
    status: int | None = None,
) -> Exchange:
    head = request(fields=fields, method=method)
    return Exchange(head, subject(head, resource, third_party), status)


def sent(level: Level, fields: str, resource: Resource = "other", third_party: bool | None = None) -> FieldSection:
    """The request's fields as they leave the proxy."""
    head = request(fields=fields)
    return head.fields.edited(request_edits(level, head, subject(head, resource, third_party)))


def delivered(level: Level, fields: str, resource: Resource = "other", third_party: bool | None = None) -> FieldSection:
    """The response's fields as the client gets them, in answer to a plain GET."""
    head, response = request(), ResponseHead(200, section(fields))
    return response.fields.edited(response_edits(level, head, response, subject(head, resource, third_party)))
