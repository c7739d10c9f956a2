"""Bars as SVG: a group for each scenario, a bar for each proxy, each group on a scale of its own.

The pictures fetch nothing, and follow the reader's choice of a light or a dark page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _RIGHT = 760, 190, 130
_BAR, _GAP, _TOP = 15, 14, 64
# Told apart by people who see no red or green, too; the same proxy has the same colour everywhere.
_COLOURS = ("#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#999999", "#009e73")
_NAMES = ("lane on", "lane off", "Squid", "Squid ssl-bump", "mitmdump", "two workers")
_STYLE = """text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; } .figure { font-size: 12px; } .page { fill: #ffffff; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .page { fill: #0d1117; } }"""


@dataclass(frozen=True, slots=True)
class Group:
    """One scenario: values by the proxy's name."""

    heading: str
    values: Mapping[str, float]


def bars(title: str, groups: Sequence[Group], digits: int = 0) -> str:
    """The whole file; the longest bar of each group is as long as any."""
    names = list(dict.fromkeys(name for group in groups for name in group.values))
    drawn = [_text(16, 26, title, "title"), *_legend(names)]
    y = _TOP
    for group in groups:
        drawn.append(_text(_LEFT - 12, y + len(group.values) * _BAR / 2 + 5, group.heading, anchor="end"))
        most = max(group.values.values()) or 1
        for name, value in group.values.items():
            width = max(1.0, (_WIDTH - _LEFT - _RIGHT) * value / most)
            drawn.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{_colour(name)}"/>')
            drawn.append(_text(_LEFT + width + 6, y + _BAR - 4, f"{value:,.{digits}f}", "figure"))
            y += _BAR
        y += _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" aria-label="{escape(title)}">'
    )
    page = f'<rect class="page" width="{_WIDTH}" height="{y}" rx="6"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", page, *drawn, "</svg>"]) + "\n"


def _legend(names: Sequence[str]) -> list[str]:
    drawn, x = [], 16.0
    for name in names:
        drawn.append(f'<rect x="{x:.0f}" y="38" width="12" height="12" fill="{_colour(name)}"/>')
        drawn.append(_text(x + 17, 49, name))
        x += 40 + 7.2 * len(name)
    return drawn


def _colour(name: str) -> str:
    return _COLOURS[_NAMES.index(name) if name in _NAMES else -1]


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    more = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'
