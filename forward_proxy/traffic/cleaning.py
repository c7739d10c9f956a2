"""What of a record may be kept?  Its text bounded, fit for a terminal, and without secrets unless they are wanted.

Most records are clean as they come; those cost a look and no copy.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter

from forward_proxy.traffic.record import Record
from forward_proxy.traffic.redaction import redact_text, redact_uri, visible

TARGET_CHARACTERS = 8192
_WORD_CHARACTERS = 300
_DETAIL_CHARACTERS = 1000
_LISTED_NAMES = 100
_CUT = "…"

_DETAILS = ("reason", "cache_detail", "error_detail", "cleaned_by")
_WORDS = ("client", "method", "host", "outcome", "kind", "content_type", "verdict", "rule", "rule_id", "cache")
_MORE_WORDS = ("anonymity", "origin", "client_http_version", "origin_http_version", "tls_version", "resource")
_LAST_WORDS = ("page", "error", "user")
_NAME_LISTS = ("changed_request_fields", "changed_response_fields", "cleaned")
_ALL_WORDS = _WORDS + _MORE_WORDS + _LAST_WORDS
_words_of = attrgetter(*_ALL_WORDS)
_details_of = attrgetter(*_DETAILS)


def clean(record: Record, *, log_secrets: bool) -> Record:
    """The record as it may be kept and shown; itself when nothing had to change.  Never raises, whatever the texts."""
    changes = _cleaned_texts(record, log_secrets)
    return replace(record, **changes) if changes else record  # type: ignore[arg-type]  # names and texts from above


def shorten_target(target: str) -> str:
    """A target too long to keep, cut where a part of it ends, so that no half of a secret escapes its pattern."""
    if len(target) <= TARGET_CHARACTERS:
        return target
    head = target[: TARGET_CHARACTERS - len(_CUT)]
    return head[: max(0, *(head.rfind(mark) for mark in "/?&;="))] + _CUT


def _cleaned_texts(record: Record, log_secrets: bool) -> dict[str, object]:
    changes: dict[str, object] = {}
    _compare(record, ("target",), _kept_target if log_secrets else _masked_target, changes)
    if any(_details_of(record)):
        _compare(record, _DETAILS, _kept_detail if log_secrets else _masked_detail, changes)
    words = " ".join(filter(None, _words_of(record)))
    if len(words) > _WORD_CHARACTERS or not words.isprintable():
        _compare(record, _ALL_WORDS, _word, changes)
    _compare(record, ("content_type",), _media_type, changes)
    for name in _NAME_LISTS:
        if (names := getattr(record, name)) and (kept := _kept_names(names)) != names:
            changes[name] = kept
    return changes


def _compare(record: Record, names: tuple[str, ...], cleaned: Callable[[str], str], changes: dict[str, object]) -> None:
    for name in names:
        if (text := getattr(record, name)) and (kept := cleaned(text)) != text:
            changes[name] = kept


def _kept_target(target: str) -> str:
    return shorten_target(visible(shorten_target(target)))


def _masked_target(target: str) -> str:
    return shorten_target(_masked(shorten_target(target), redact_uri))


def _kept_detail(text: str) -> str:
    return visible(text[:_DETAIL_CHARACTERS])[:_DETAIL_CHARACTERS]


def _masked_detail(text: str) -> str:
    return _masked(text[:_DETAIL_CHARACTERS], redact_text)[:_DETAIL_CHARACTERS]


def _masked(text: str, redact: Callable[[str], str]) -> str:
    """Masked as received and, if that reads otherwise, as shown: a control is no way round a pattern."""
    masked = redact(text)
    shown = visible(masked)
    return shown if shown == masked else redact(shown)


def _word(text: str) -> str:
    return visible(text[:_WORD_CHARACTERS])[:_WORD_CHARACTERS]


@lru_cache(maxsize=256)
def _kept_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_word, names[:_LISTED_NAMES]))


@lru_cache(maxsize=256)
def _media_type(text: str) -> str:
    """Type and subtype alone (RFC 9110 §8.3.1): parameters may hold anything."""
    return _word(text.partition(";")[0].strip()).lower()[:_WORD_CHARACTERS]
