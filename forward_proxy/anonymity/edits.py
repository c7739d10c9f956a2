"""What becomes of a message at a level, as `Edits`, and which fields those really change.

Each field is treated by its row and by nothing else, so no field is both set and dropped, and edits applied once leave
nothing to edit.  Fields of one connection (RFC 9110 §7.6.1) and this proxy's own Via are the driver's.
"""

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.level import Level
from forward_proxy.anonymity.requests import REQUEST_ROWS
from forward_proxy.anonymity.responses import RESPONSE_ROWS
from forward_proxy.anonymity.treatments import Treatments, compiled
from forward_proxy.matching.subject import Subject
from forward_proxy.message.fields import NO_EDITS, Edits, FieldLine, FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead

_REQUEST = {
    Level.OFF: compiled(REQUEST_ROWS, lambda row: row.off),
    Level.STANDARD: compiled(REQUEST_ROWS, lambda row: row.standard),
    Level.STRICT: compiled(REQUEST_ROWS, lambda row: row.strict),
}
_RESPONSE = {
    Level.OFF: compiled(RESPONSE_ROWS, lambda row: row.off),
    Level.STANDARD: compiled(RESPONSE_ROWS, lambda row: row.standard),
    Level.STRICT: compiled(RESPONSE_ROWS, lambda row: row.strict),
}


def request_edits(level: Level, head: RequestHead, subject: Subject) -> Edits:
    """What to set and drop on the way to the origin.  Never raises."""
    return _edits(_REQUEST[level], Exchange(head, subject), head.fields)


def response_edits(level: Level, request: RequestHead, response: ResponseHead, subject: Subject) -> Edits:
    """What to set and drop on the way to the client; `request` as received.  Never raises."""
    return _edits(_RESPONSE[level], Exchange(request, subject, response.status), response.fields)


def changed(fields_before: FieldSection, edits: Edits) -> tuple[str, ...]:
    """The names, for the log, of fields that the edits really change: present ones in order, then new ones."""
    if not edits:
        return ()
    after: dict[bytes, tuple[bytes, ...]] = dict.fromkeys(edits.drop, ())
    for name in dict.fromkeys(name for name, _ in edits.set):
        after[name] = tuple(value for each, value in edits.set if each == name)
    names = dict.fromkeys((*(name for name, _ in fields_before if name in after), *(name for name, _ in edits.set)))
    return tuple(name.decode("latin-1") for name in names if fields_before.get_all(name) != after[name])


def _edits(treatments: Treatments, exchange: Exchange, fields: FieldSection) -> Edits:
    to_set: list[FieldLine] = []
    to_drop: list[bytes] = []
    for name, treatment in treatments.plan(tuple([name for name, _ in fields])):
        before = fields.get_all(name)
        after = treatment.rewrite(exchange, before)
        if not after and before:
            to_drop.append(name)
        elif after != before:
            to_set.extend((name, value) for value in after)
    return Edits(tuple(to_set), frozenset(to_drop)) if to_set or to_drop else NO_EDITS
