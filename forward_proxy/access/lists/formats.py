"""Which format is a list of names in?  Told apart by what most of its lines look like.

The first lines are looked at, comments aside.  A line may look like several formats; the first that fits has it, so the
order is from the most telling.  A plain name is one of dstdomain as well: with names behind a dot among them it is one.
Filters are for resolvers when all of them, to the last line, are names: lists for browsers have more to say.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from forward_proxy.access.lists.expressions import read_expression
from forward_proxy.access.lists.names import read_domains, read_dstdomain, read_hosts
from forward_proxy.access.lists.reading import Reading, lines_of
from forward_proxy.access.lists.resolvers import ZoneReader, read_dnsmasq, read_unbound

type Reader = Callable[[str, Reading], None]

_LOOKED_AT = 2000
_PAGE_WITHIN = 4096
_PAGE_BEGINS = (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<meta", b"<?xml", b"<!--")
_COMMENTS: Mapping[str, tuple[str, ...]] = {"rpz": (";",), "regex": ("#",)}
_COMMENT = ("#", "!", ";", "//")
# Filters of adblockers have readers of their own (access/filters); here they are only told apart.
ADBLOCK = "adblock"
# The same syntax as resolvers read it (access/filters/resolving.py).
ADBLOCK_DNS = "adblock-dns"
FILTERS = (ADBLOCK, ADBLOCK_DNS)
_TELLS_ADBLOCK = ("[Adblock", "!#if ", "!#include ")
# So have lists of what is removed from targets (cleaning/clearurls.py).
CLEARURLS = "clearurls"

_READERS: Mapping[str, Callable[[], Reader]] = {
    "hosts": lambda: read_hosts,
    "domains": lambda: read_domains,
    "dstdomain": lambda: read_dstdomain,
    "dnsmasq": lambda: read_dnsmasq,
    "unbound": lambda: read_unbound,
    "rpz": ZoneReader,
    "regex": lambda: read_expression,
}
FORMATS = ("auto", *_READERS, *FILTERS, CLEARURLS)

# Each line of a list of filters that says nothing but names, comments and what it is written for aside.
_NAMES_ALONE = re.compile(
    rb"(?:[ \t]*+(?:"
    rb"(?:@@)?\|\|(?:\*\.)?[\w-]++(?:\.[\w-]++)*+\^\|?(?:\$important)?"
    rb"|(?:0\.0\.0\.0|127\.0\.0\.1|::1?|0)[ \t]++[\w.:-][^\r\n]*+"
    rb"|\[[^\r\n]*+|!(?!#)[^\r\n]*+|#(?![#@?$%])[^\r\n]*+"
    rb")?+[ \t\r]*+(?:\n|\Z))++"
)

_LOOKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("dnsmasq", re.compile(r"(--)?(address|server|local)\s*=\s*/")),
    ("unbound", re.compile(r"(local-zone|local-data)\s*:|server:\s*$")),
    ("rpz", re.compile(r"\$(TTL|ORIGIN)\b|\S+\s+(\d+\s+)?(IN\s+)?(CNAME|SOA|NS)\s|@\s.*\bSOA\b", re.IGNORECASE)),
    ("hosts", re.compile(r"(\d{1,3}(\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(%\w+)?|0)\s+\S")),
    (ADBLOCK, re.compile(r"\[Adblock|@@|\|\||\||.*#[@?$%]*#|.*\$(~?[\w-]+(=|,|$))|[-/&.?=_].*[*/^?=&]|/.+/$")),
    ("dstdomain", re.compile(r"\.[\w-]+(\.[\w-]+)*\.?\s*(#.*)?$")),
    ("domains", re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)+\.?\s*(#.*)?$")),
    ("regex", re.compile(r".*[\^$()\[\]|+\\*]")),
)


def is_web_page(content: bytes) -> bool:
    """Whether this is a page for people, such as one to sign in at: it came in place of a list."""
    begins = content[:_PAGE_WITHIN].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return begins.startswith(_PAGE_BEGINS)


def format_of(content: bytes) -> str | None:
    """The format that the content looks like; None when it looks like none."""
    if _is_clearurls(content):
        return CLEARURLS
    likely = _likely(content)
    return ADBLOCK_DNS if likely == ADBLOCK and _is_names_alone(content) else likely


def _likely(content: bytes) -> str | None:
    """What most of the first lines look like."""
    seen: Counter[str] = Counter()
    for line in lines_of(content[: _LOOKED_AT * 200]):
        text = line.strip()
        if text.startswith(_TELLS_ADBLOCK):
            return ADBLOCK
        if not text or (text.startswith(_COMMENT) and "##" not in text):
            continue
        seen[next((name for name, looks in _LOOKS if looks.match(text)), "")] += 1
        if seen.total() >= _LOOKED_AT:
            break
    if seen["dstdomain"]:
        seen["dstdomain"] += seen.pop("domains", 0)
    return seen.most_common(1)[0][0] or None if seen else None


def _is_names_alone(content: bytes) -> bool:
    return b"||" in content and _NAMES_ALONE.fullmatch(content.removeprefix(b"\xef\xbb\xbf")) is not None


def _is_clearurls(content: bytes) -> bool:
    """JSON with providers, or YAML that says it is of version 2 and has them."""
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return b'"providers"' in content
    lines = [line.rstrip() for line in content[: _LOOKED_AT * 10].splitlines()[:_LOOKED_AT]]
    return b"version: 2" in lines and any(line == b"providers:" for line in content.splitlines())


def read_names(content: bytes, format_name: str) -> Reading:
    """All that a list of names in this format says.  Never raises."""
    return _read(lines_of(content), format_name)


def _read(lines: Iterable[str], format_name: str) -> Reading:
    reading, read = Reading(format_name), _READERS[format_name]()
    comments = _COMMENTS.get(format_name, _COMMENT)
    for number, line in enumerate(lines, 1):
        reading.line = number
        text = line.strip()
        if text and not text.startswith(comments):
            reading.text = line
            read(text, reading)
    return reading
