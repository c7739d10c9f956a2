"""Which compiled form does a format have?  From the content of lists to what is searched, and to octets and back.

Lists of filters in one entry are compiled as one, since each may except or take out what is in another.  Of all other
formats each list is compiled by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from forward_proxy.access.filters import Report as FilterReport
from forward_proxy.access.filters import packing, parse_together
from forward_proxy.access.lists.domains import domain_list, packed, unpacked
from forward_proxy.access.lists.formats import ADBLOCK_DNS, CLEARURLS, FILTERS, read_names
from forward_proxy.access.lists.found import Searched
from forward_proxy.access.lists.reading import SHOWN, Ignored, Report
from forward_proxy.cleaning import packing as catalogue_packing
from forward_proxy.rulefiles.catalogues import read_catalogue
from forward_proxy.rulefiles.editions import Unusable


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Compiled:
    """What is searched, and what became of the lines of each content it was made of."""

    searched: Searched
    reports: tuple[Report, ...]


def compiled_of(contents: Sequence[bytes], digest: str) -> tuple[Compiled, bytes] | Unusable:
    """The contents of this digest, which ends with their format, and their compiled form to be kept."""
    told = format_in(digest)
    if told in FILTERS:
        texts = [(told, content.decode("utf-8-sig", "replace")) for content in contents]
        filters, reports = parse_together(texts, told == ADBLOCK_DNS)
        return Compiled(filters, _reported(reports, told)), packing.packed(filters, reports, digest)
    (content,) = contents
    if told == CLEARURLS:
        catalogue = read_catalogue(content)
        if catalogue is None:
            return Unusable("expected the JSON or YAML of a ClearURLs list")
        return Compiled(catalogue, (catalogue.report,)), catalogue_packing.packed(catalogue, digest)
    names = domain_list(read_names(content, told))
    return Compiled(names, (names.report,)), packed(names, digest)


def compiled_in(octets: bytes, digest: str) -> Compiled | None:
    """What was kept; None when it is damaged, of another version, or was made of something else."""
    told = format_in(digest)
    if told in FILTERS:
        filters = packing.unpacked(octets, digest)
        return None if filters is None else Compiled(filters[0], _reported(filters[1], told))
    if told == CLEARURLS:
        catalogue = catalogue_packing.unpacked(octets, digest)
        return None if catalogue is None else Compiled(catalogue, (catalogue.report,))
    names = unpacked(octets, digest)
    return None if names is None else Compiled(names, (names.report,))


def format_in(digest: str) -> str:
    return digest.rpartition(".")[2]


def _reported(reports: Sequence[FilterReport], told: str) -> tuple[Report, ...]:
    """What became of the lines of lists of filters in this format, in the words for all lists."""
    return tuple(_in_words_for_all(report, told) for report in reports)


def _in_words_for_all(report: FilterReport, told: str) -> Report:
    kinds = tuple(report.kinds.items())
    first = {each.kind: each for each in reversed(report.ignored)}.values()
    shown = sorted({*first, *report.ignored[: SHOWN - len(first)]}, key=lambda each: each.line)
    examples = tuple(Ignored(each.line, each.text, each.reason, each.kind) for each in shown)
    return Report(told, report.lines, report.filters, report.duplicates, report.cosmetic, kinds, examples)
