"""Prints the tables of docs/services.md, as Markdown: `python -m forward_proxy.rulefiles.servicetable`."""

from collections.abc import Iterable

from forward_proxy.matching.hosts import HostPattern
from forward_proxy.matching.services import Catalogue
from forward_proxy.rulefiles.services import shipped


def render_tables(catalogue: Catalogue) -> str:
    """The services of each category, ending without a newline."""
    lines: list[str] = []
    for category in catalogue.categories:
        lines += ["", f"### {category}", "", "| service | name | hosts | shared |", "|---|---|---|---|"]
        for service in catalogue.services.values():
            if service.category == category:
                cells = (f"`{service.id}`", service.name, _spelled(service.hosts), _spelled(service.shared))
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines[1:])


def _spelled(hosts: Iterable[HostPattern]) -> str:
    return ", ".join(host.host for host in hosts)


if __name__ == "__main__":
    print(render_tables(shipped()))
