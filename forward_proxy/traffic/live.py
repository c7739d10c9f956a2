"""How is an exchange shown while it passes?  One calm line for a terminal, one plain line for anything else.

The line says when, who, what was asked, and what happened; queries stay out of it, and secrets and characters that a
terminal would act on are kept out even of a record that was never cleaned.
"""

from datetime import UTC, datetime, tzinfo

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from forward_proxy.traffic.record import Record
from forward_proxy.traffic.redaction import redact_uri, visible

_TIME, _CLIENT, _METHOD, _STATUS, _BYTES, _SPENT = 8, 15, 7, 3, 6, 7
_CLIENT_FROM, _SIZES_FROM, _METHOD_FROM = 110, 72, 50  # Terminal widths from which a column has room.
_STATUS_STYLES = {3: "cyan", 4: "yellow", 5: "red"}
_ELLIPSIS = "…"


def live_line(record: Record, width: int, zone: tzinfo | None = None) -> Text:
    """The line for a terminal `width` cells wide, never wider; times in `zone`, or this machine's."""
    line = Text(no_wrap=True, end="")
    line.append(_clock(record.started_at, zone), "dim")
    if width >= _CLIENT_FROM:
        line.append(" " + _column(_who(record), _CLIENT), "dim")
    if width >= _METHOD_FROM:
        line.append(" " + _column(record.method, _METHOD))
    happened_width = _happened_width(width)
    figures = _figures(record, width)
    line.append(" " + _column(_place(record.target), width - line.cell_len - figures.cell_len - happened_width - 2))
    line.append_text(figures)
    line.append(" " + shortened(what_happened(record), happened_width), _happened_style(record))
    line.truncate(max(width, 0))
    return line


def live_heading(width: int) -> str:
    """Names over the columns of `live_line`."""
    happened_width = _happened_width(width)
    left = f"{'time':{_TIME}}" + (f" {'client':{_CLIENT}}" if width >= _CLIENT_FROM else "")
    left += f" {'method':{_METHOD}}" if width >= _METHOD_FROM else ""
    right = f" {'':{_STATUS}}" + (f" {'bytes':>{_BYTES}} {'took':>{_SPENT}}" if width >= _SIZES_FROM else "")
    return f"{left} {_column('target', width - len(left) - len(right) - happened_width - 2)}{right} what happened"[
        :width
    ]


def _happened_width(width: int) -> int:
    """Room for a denial with its rule file in any terminal of common width."""
    return max(8, min(40, width // 3))


def plain_line(record: Record, zone: tzinfo | None = None) -> str:
    """The line for a file or a pipe: time, client, method, target, status, bytes, milliseconds, what happened."""
    spent = "-" if record.duration_s is None else f"{record.duration_s * 1000:.0f}ms"
    target = visible(redact_uri(record.target)).replace(" ", "%20")
    words = (_who(record).replace(" ", "%20"), record.method.replace(" ", "%20"), target, str(record.status or "-"))
    shown = " ".join(visible(word) or "-" for word in words)
    return f"{_iso(record.started_at, zone)} {shown} {record.response_bytes} {spent} {what_happened(record)}"


def what_happened(record: Record) -> str:
    """`hit`, `denied by rules/10.yaml:12`, `error dns_error`, `stale, dns_error`, `hit, without gclid`, `hit ×9`,
    `tunnel via socks5://192.0.2.1:1080`."""
    via = visible(f" via {record.via}") if record.via else ""
    return _what_happened(record) + via + (f" ×{record.exchanges:,}" if record.exchanges != 1 else "")


def _what_happened(record: Record) -> str:
    if record.verdict == "denied":
        return visible(f"denied by {record.rule}" if record.rule else f"denied: {record.reason or 'by default'}")
    if stood_in(record):
        return visible(f"stale, {record.error or record.cache_detail}")
    if record.outcome == "refused":
        return "certificate refused by the client"
    if record.error:
        return visible(f"error {record.error}")
    if record.cleaned:
        return visible(f"{record.outcome}, without {', '.join(record.cleaned)}")
    return visible(record.outcome)


def stood_in(record: Record) -> bool:
    """Whether something stored was the answer because none was to be had from the origin."""
    return record.outcome == "stale"


def human_bytes(count: int) -> str:
    """At most five characters: `512`, `1.2K`, `34M`; powers of 1024."""
    size = float(max(count, 0))
    for unit in ("", "K", "M", "G", "T"):
        if size < 1000:
            return f"{size:.1f}{unit}" if unit and size < 9.95 else f"{size:.0f}{unit}"
        size /= 1024
    return f"{min(size, 999):.0f}P"


def human_seconds(seconds: float | None) -> str:
    """Milliseconds while they are few: `37ms`, `12.3s`, `75m`; a dash when unknown."""
    if seconds is None or not 0 <= seconds < 1e9:
        return "-"
    if seconds < 10:
        return f"{seconds * 1000:.0f}ms"
    return (
        f"{seconds:.1f}s"
        if seconds < 1000
        else f"{seconds / 60:.0f}m"
        if seconds < 100_000
        else f"{seconds / 3600:.0f}h"
    )


def shortened(text: str, width: int) -> str:
    """The text in so many cells at most, its middle left out if need be: both ends of a path tell most."""
    if cell_len(text) <= width:
        return text
    if width < 3:
        return _ELLIPSIS[: max(width, 0)]
    tail = (width - 1) * 3 // 5
    return set_cell_size(text, width - 1 - tail) + _ELLIPSIS + set_cell_size(text[::-1], tail)[::-1]


def _figures(record: Record, width: int) -> Text:
    status = "-" if record.status is None else str(record.status)[:_STATUS]
    figures = Text().append(f" {status:>{_STATUS}}", _STATUS_STYLES.get((record.status or 0) // 100, ""))
    if width >= _SIZES_FROM:
        figures.append(f" {human_bytes(record.response_bytes):>{_BYTES}}")
        figures.append(f" {human_seconds(record.duration_s):>{_SPENT}}", "dim")
    return figures


def _happened_style(record: Record) -> str:
    if record.verdict == "denied":
        return "bold red"
    if stood_in(record):
        return "yellow"
    return "red" if record.error else "green" if record.outcome == "hit" else ""


def _who(record: Record) -> str:
    """The client's address, and its user where one is known."""
    return f"{record.user}@{record.client}" if record.user else record.client


def _place(target: str) -> str:
    """Host and path; cleartext shows its scheme, and a query that there is one."""
    path, mark, _ = visible(redact_uri(target)).partition("#")[0].partition("?")
    return path.removeprefix("https://") + (f"?{_ELLIPSIS}" if mark else "")


def _column(text: str, width: int) -> str:
    text = shortened(visible(text), width)
    return text + " " * (width - cell_len(text))


def _clock(at: float, zone: tzinfo | None) -> str:
    when = _when(at, zone)
    return f"{when:%H:%M:%S}" if when else "-" * _TIME


def _iso(at: float, zone: tzinfo | None) -> str:
    when = _when(at, zone)
    return when.isoformat(timespec="milliseconds") if when else "-"


def _when(at: float, zone: tzinfo | None) -> datetime | None:
    """None for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return None
