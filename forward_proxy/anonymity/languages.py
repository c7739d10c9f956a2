"""How much of Accept-Language is sent?  RFC 9110 §12.5.4.

Nearly all the field tells about a person is in its tail.  `standard` keeps the first two languages, each as its first
range and its bare one (`de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7`), and numbers them as Chrome does, and Firefox since 147.
`strict` sends what that browser sends in US English.  A list keeps its weights: Brave once sent several ranges without,
and a ticket shop answered with an empty page.
"""

import re
from functools import lru_cache
from itertools import takewhile

from forward_proxy.anonymity.agents import Family
from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.treatment import Lines

_LANGUAGES = 2
_MOST_RANGES = 64
_LONGEST_REMEMBERED_BYTES = 256
_RANGE = re.compile(rb"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*q=([01](?:\.[0-9]{0,3})?))?", re.IGNORECASE)
_ENGLISH = b"en-US,en;q=0.9"
_ENGLISH_BEFORE_FIREFOX_147 = b"en-US,en;q=0.5"


def first_languages(_: Exchange, lines: Lines) -> Lines:
    """The first two languages in order of weight; a field that holds no more, or none that is readable, as received."""
    short = sum(map(len, lines)) <= _LONGEST_REMEMBERED_BYTES
    return _remembered_first_languages(lines) if short else _first_languages(lines)


def english(exchange: Exchange, _: Lines) -> Lines:
    agent = exchange.agent
    old = agent.family is Family.FIREFOX and agent.major < 147
    return (_ENGLISH_BEFORE_FIREFOX_147 if old else _ENGLISH,)


def _first_languages(lines: Lines) -> Lines:
    members = [member for line in lines for member in line.split(b",", _MOST_RANGES)]
    kept = _of_first_languages(_by_weight(members))
    if not kept or len(kept) == len(members):
        return lines
    return (b",".join(_weighed(place, tag) for place, tag in enumerate(kept)),)


_remembered_first_languages = lru_cache(maxsize=512)(_first_languages)


def _by_weight(members: list[bytes]) -> list[bytes]:
    weighed = [(float(match[2] or 1), match[1]) for member in members if (match := _RANGE.fullmatch(member.strip()))]
    ordered = sorted(weighed, key=lambda pair: -pair[0])
    return [tag for weight, tag in takewhile(lambda pair: pair[0] > 0, ordered)]


def _of_first_languages(ranges: list[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    has_bare: dict[bytes, bool] = {}
    for tag in ranges:
        language = tag.lower().partition(b"-")[0]
        is_bare = tag.lower() == language
        is_first = language not in has_bare
        if (is_first and len(has_bare) < _LANGUAGES) or (not is_first and is_bare and not has_bare[language]):
            has_bare[language] = is_bare
            kept.append(tag)
    return kept


def _weighed(place: int, tag: bytes) -> bytes:
    return tag if place == 0 else b"%b;q=0.%d" % (tag, 10 - place)
