"""Which compiled form does a format have?  From the content of lists to what is searched, and to octets and back.

Lists of filters in one entry are compiled as one, since each may except or take out what is in another.  Of all other
formats each list is compiled by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from forward_proxy.access.filters import Report as FilterReport
from forward_proxy.access.filters import packing, parse_together
from forward_proxy.access.lists.domains import domain_list, packed, unpacked
from forward_proxy.access.lists.formats import ADBLOCK, read_names
from forward_proxy.access.lists.found import Searched
from forward_proxy.access.lists.reading import SHOWN, Ignored, Report


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Compiled:
    """What is searched, and what became of the lines of each content it was made of."""

    searched: Searched
    reports: tuple[Report, ...]


def compiled_of(contents: Sequence[bytes], digest: str) -> tuple[Compiled, bytes]:
    """The contents of this digest, which ends with their format, and their compiled form to be kept."""
    told = format_in(digest)
    if told == ADBLOCK:
        filters, reports = parse_together([(told, content.decode("utf-8-sig", "replace")) for content in contents])
        return Compiled(filters, tuple(map(_reported, reports))), packing.packed(filters, reports, digest)
    (content,) = contents
    names = domain_list(read_names(content, told))
    return Compiled(names, (names.report,)), packed(names, digest)


def compiled_in(octets: bytes, digest: str) -> Compiled | None:
    """What was kept; None when it is damaged, of another version, or was made of something else."""
    if format_in(digest) == ADBLOCK:
        filters = packing.unpacked(octets, digest)
        return None if filters is None else Compiled(filters[0], tuple(map(_reported, filters[1])))
    names = unpacked(octets, digest)
    return None if names is None else Compiled(names, (names.report,))


def format_in(digest: str) -> str:
    return digest.rpartition(".")[2]


def _reported(report: FilterReport) -> Report:
    """What became of the lines of a list of filters, in the words for all lists."""
    kinds = tuple(report.kinds.items())
    first = {each.kind: each for each in reversed(report.ignored)}.values()
    shown = sorted({*first, *report.ignored[: SHOWN - len(first)]}, key=lambda each: each.line)
    examples = tuple(Ignored(each.line, each.text, each.reason, each.kind) for each in shown)
    return Report(ADBLOCK, report.lines, report.filters, report.duplicates, report.cosmetic, kinds, examples)
