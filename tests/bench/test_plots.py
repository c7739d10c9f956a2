"""The bars in docs/."""

import re
from xml.etree import ElementTree

from bench.plots import Group, bars

MADE = bars("Requests < a second", [Group("hits", {"lane on": 60_000, "Squid": 30_000}), Group("misses", {"Squid": 5})])


def test_a_picture_is_xml_and_fetches_nothing() -> None:
    assert ElementTree.fromstring(MADE).tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"url\(|href=|src=|@import|<script", MADE)


def test_bars_are_as_long_as_their_values_within_a_group() -> None:
    hits, others, alone = (float(width) for width in re.findall(r'width="([\d.]+)" height="13"', MADE))
    assert (hits, alone) == (2 * others, hits)


def test_figures_stand_beside_their_bars() -> None:
    assert re.findall(r'class="figure">([^<]+)<', MADE) == ["60,000", "30,000", "5"]


def test_dark_pages_have_colours_of_their_own() -> None:
    assert "prefers-color-scheme: dark" in MADE
