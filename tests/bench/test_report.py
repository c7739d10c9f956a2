"""Tables and pages of a run."""

from bench.figures import Figures, new_figures
from bench.report import Run, documents, printed
from bench.scenarios import FULL


def run(figures: Figures) -> Run:
    return Run(FULL, ["lane on", "lane off", "Squid"], {"mitmdump": "it is not here"}, figures, [], 600)


def figures_of(key: str, **by_name: dict[int, float]) -> Figures:
    figures = new_figures()
    for name, values in by_name.items():
        figures[key][name.replace("_", " ")] = values
    return figures


def row(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_has_medians_their_spread_and_the_rounds_ratios() -> None:
    figures = figures_of("hit 1k", lane_on={0: 50_000, 1: 60_000, 2: 70_000}, Squid={0: 25_000, 1: 20_000, 2: 28_000})
    made = row(printed(run(figures)), "hits 1 KiB")
    assert made == ["hits 1 KiB", "60,000 ±17%", "25,000 ±16%", "2.50"]


def test_what_limited_a_figure_is_marked() -> None:
    figures = figures_of("miss", lane_on={0: 50_000}, Squid={0: 25_000})
    figures["busy miss"] = figures_of("", lane_on={0: 0.5}, Squid={0: 0.9})[""]
    figures["generator miss"] = figures_of("", lane_on={0: 0.99}, Squid={0: 0.5})[""]
    figures["opened miss"] = figures_of("", lane_on={0: 0.01}, Squid={0: 1.0})[""]
    assert row(printed(run(figures)), "misses, no-store")[1:3] == ["50,000*‡", "25,000†"]


def test_what_was_skipped_is_named() -> None:
    assert "- mitmdump: it is not here.\n" in printed(run(new_figures()))


def test_documents_hold_the_tables_the_machine_and_the_plots() -> None:
    made = documents(run(figures_of("hit 1k", lane_on={0: 50_000})), [("kernel", "Linux 6")])
    assert sorted(made) == ["cleartext.svg", "measurements.md", "tls.svg"]
    assert "| kernel | Linux 6 |" in made["measurements.md"]
    assert "| hits 1 KiB " in made["measurements.md"]
    assert "50,000" in made["cleartext.svg"]
