"""How does an answer look?  Calm at 80 columns on a terminal, one line a thing in a pipe, never an escape from outside.

Whatever came from a request, a response or a file goes through `said` before it is shown.
"""

from datetime import datetime
from pathlib import Path

import click
from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from forward_proxy.matching.subject import RuleRef
from forward_proxy.traffic.live import shortened
from forward_proxy.traffic.redaction import visible

_PIPE_CELLS = 10_000  # Wide enough that nothing wraps.
_WIDEST_CELLS = 120
_NARROWEST_CELLS = 16
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def said(text: object, style: str = "") -> Text:
    """Text from outside: no markup, and what a terminal would act on spelled as an escape."""
    return Text(visible(str(text)), style)


def facts() -> Table:
    """A table of names and what is to say of them."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def columns(*heads: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """A table under these heads, which a pipe goes without; numbers stand to the right, and `whole` is not folded."""
    table = Table(
        box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=any(heads) and terminal_width() is not None
    )
    for head in heads:
        justify: JustifyMethod = "right" if head in right else "left"
        table.add_column(head, justify=justify, no_wrap=head in (*right, *whole), overflow="fold")
    return table


def cut(text: object, taken: int) -> Text:
    """Text from outside in what a terminal's line has left beside `taken` cells; whole in a pipe."""
    width = terminal_width()
    clean = visible(str(text))
    return Text(clean if width is None else shortened(clean, max(_NARROWEST_CELLS, min(width, _WIDEST_CELLS) - taken)))


def show(*shown: RenderableType) -> None:
    """Rendered by rich, written by click, so that a closed pipe is met in one place."""
    width = terminal_width()
    console = Console(width=min(width, _WIDEST_CELLS) if width else _PIPE_CELLS, highlight=False)
    with console.capture() as capture:
        for each in shown:
            console.print(each)
    lines = capture.get().splitlines()
    click.echo("".join(f"{line.rstrip()}\n" for line in lines), nl=False, color=width is not None or None)


def terminal_width() -> int | None:
    console = Console()
    return console.width if console.is_terminal else None


def duration(seconds: int) -> str:
    """In its two largest units: `45 s`, `3 min 20 s`, `2 d 5 h`."""
    rest = abs(seconds)
    parts: list[tuple[int, str]] = []
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        if count or parts:
            parts.append((count, name))
    told = [f"{count} {name}" for count, name in parts[:2] if count]
    return " ".join(told) or "0 s"


def brief(seconds: int) -> str:
    """In its largest unit, for columns: `45s`, `3m`, `2d`."""
    unit, name = next((each for each in _UNITS if abs(seconds) >= each[0]), _UNITS[-1])
    return f"{abs(seconds) // unit}{name[0]}"


def place(rule: RuleRef) -> str:
    """Where a rule stands, from the current folder if it is below that."""
    try:
        return f"{Path(rule.file).relative_to(Path.cwd())}:{rule.line}"
    except (ValueError, OSError):
        return str(rule)


def moment(at: int) -> str:
    """A date and time by this machine's clock."""
    try:
        return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(at)
