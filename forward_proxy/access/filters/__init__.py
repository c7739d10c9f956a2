"""Which filter of an adblock list holds for a request?  The network filters of Adblock Plus, uBlock Origin, AdGuard.

`parse_filters` reads a list, `parse_together` several as one; neither ever raises.  What they read is immutable and
answers `find`, as every list does.  `packed` and `unpacked` are the same as octets, to be kept beside the list.
docs/filters.md says what of the syntax is acted on.
"""

from forward_proxy.access.filters.conditions import includes_in
from forward_proxy.access.filters.engine import Filters
from forward_proxy.access.filters.packing import packed, unpacked
from forward_proxy.access.filters.parsing import parse_filters, parse_together
from forward_proxy.access.filters.report import Ignored, Report

__all__ = ["Filters", "Ignored", "Report", "includes_in", "packed", "parse_filters", "parse_together", "unpacked"]
