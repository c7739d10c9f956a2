"""The whole of what the levels do, one row for each field or family, in print.

A field without a row is kept at every level.  edits.py works from the same rows.
"""

from collections.abc import Iterable, Iterator

from forward_proxy.anonymity.requests import REQUEST_ROWS
from forward_proxy.anonymity.responses import RESPONSE_ROWS
from forward_proxy.anonymity.treatment import KEEP, Row

_HEADING = ("| Field | `standard` | `strict` | Why | Source |", "|---|---|---|---|---|")


def render_table() -> str:
    """Both directions as Markdown, with a heading each, ending without a newline."""
    requests = ("### In requests", "", *_HEADING, *_lines(REQUEST_ROWS))
    responses = ("### In responses", "", *_HEADING, *_lines(RESPONSE_ROWS))
    return "\n".join((*requests, "", *responses))


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        names = ", ".join(f"`{name}`" for name in row.names)
        at_off = "" if row.off is KEEP else f"; at `off` {row.off.says}"
        cells = (names, row.standard.says + at_off, row.strict.says, row.why, row.source)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
