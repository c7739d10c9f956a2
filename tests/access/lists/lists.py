"""Lists for the tests of this folder."""

from forward_proxy.access.lists.domains import DomainList, domain_list
from forward_proxy.access.lists.formats import format_of, read_names
from forward_proxy.access.lists.found import Found
from tests.matching.requests import subject


def compiled(text: str, format_name: str = "auto") -> DomainList:
    """The list with this text."""
    content = text.encode()
    told = format_of(content) if format_name == "auto" else format_name
    assert told is not None
    return domain_list(read_names(content, told))


def found(searched: DomainList, host: str) -> Found | None:
    return searched.find(subject(f"http://{host}/"))


def listed(searched: DomainList, *hosts: str) -> list[str]:
    """Those of the hosts that the list holds for."""
    return [host for host in hosts if (line := found(searched, host)) is not None and not line.exception]
