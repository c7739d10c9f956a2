"""What identifies a stored response, and how is the origin asked about it?  RFC 9111 §4.3.1, RFC 9110 §8.8.

Only a stored 2xx is asked about: an origin ignores preconditions on anything else (RFC 9110 §13.2.1), so that its 304
would speak of another representation than, say, the 404 that is stored.

The client's own preconditions give way to ours and are judged here once the answer is known: our If-None-Match is the
union of both lists (§4.3.2), our If-Modified-Since replaces the client's.  Where nothing stored can be asked about,
the client's go to the origin as they came.
"""

from collections.abc import Sequence

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.dates import parse_date
from forward_proxy.message.fields import Edits, FieldLine, FieldSection
from forward_proxy.message.preconditions import EntityTag, parse_entity_tag, parse_if_none_match

_MOST_ASKED_ABOUT = 8
_CLIENTS_OWN = frozenset((b"if-none-match", b"if-modified-since"))


def entity_tag(fields: FieldSection) -> EntityTag | None:
    """The response's entity tag; None when it has none, or one that cannot be parsed."""
    value = fields.get(b"etag")
    return None if value is None else parse_entity_tag(value)


def last_modified(fields: FieldSection, now: int) -> int | None:
    """Last-Modified as POSIX seconds; None when absent or no date."""
    value = fields.get(b"last-modified")
    return None if value is None else parse_date(value.strip(b" \t"), now)


def can_be_validated(stored: StoredResponse) -> bool:
    """Whether the origin can be asked if this stored response still holds."""
    return 200 <= stored.status < 300 and (
        entity_tag(stored.fields) is not None or last_modified(stored.fields, stored.response_at) is not None
    )


def asked_about(matches: Sequence[StoredResponse]) -> tuple[StoredResponse, ...]:
    """Which of the responses that could be chosen one conditional request can ask about: those with an entity tag.

    Without any, it is the first alone, for a date can only speak of one.
    """
    askable = [stored for stored in matches if can_be_validated(stored)]
    tagged = [stored for stored in askable if entity_tag(stored.fields)]
    return tuple((tagged or askable[:1])[:_MOST_ASKED_ABOUT])


def validating_edits(request: FieldSection, asked: Sequence[StoredResponse]) -> Edits:
    """The preconditions that ask about these stored responses, in place of the client's own."""
    lines: list[FieldLine] = []
    ours = [tag for stored in asked if (tag := entity_tag(stored.fields))]
    if ours:
        union = dict.fromkeys((*ours, *_client_tags(request)))
        lines.append((b"if-none-match", b", ".join(map(bytes, union))))
    if len(asked) == 1 and last_modified(asked[0].fields, asked[0].response_at) is not None:
        # As the origin spelled it: some compare the bytes.
        lines.append((b"if-modified-since", asked[0].fields.get(b"last-modified") or b""))
    return Edits(tuple(lines), _CLIENTS_OWN - {name for name, _ in lines})


def _client_tags(request: FieldSection) -> tuple[EntityTag, ...]:
    """The entity tags the client asks about; `*` is left to us, who then hold a representation to answer it with."""
    tags = parse_if_none_match(request.get(b"if-none-match") or b"")
    return () if tags == "*" else tags
