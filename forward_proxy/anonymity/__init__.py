"""Which fields leave this proxy, and in what form?

Three levels (level.py), one table (table.py) with a row for each field, and two questions (edits.py): what becomes of
a request on its way to the origin, and of a response on its way to the client.  The answer is `Edits`; nothing here
touches a message.  docs/anonymity.md holds the table in print, and what it cannot do.
"""

from forward_proxy.anonymity.edits import changed, request_edits, response_edits
from forward_proxy.anonymity.level import Level
from forward_proxy.anonymity.table import render_table

__all__ = ["Level", "changed", "render_table", "request_edits", "response_edits"]
