"""What does a regular expression about a host or a path say of the whole URL?

Rules look for an expression in the URL, others look in a part of it.  One about a part is turned into one about the URL
where it can be kept from reaching beyond its part; where that is not certain it is `Unreadable`, and says why.
"""

import re

from forward_proxy.importing.carried import Match
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.expressions import Characters, Edge, Either, ExpressionError, Sequence, parse_expression

_HOST_PART = re.compile(r"(?:\\[.-]|[A-Za-z0-9_-]|\.|\[[A-Za-z0-9_-]+\])[*+?]?")
_NAME = r"((?:[A-Za-z0-9_-]+\\\.)*[A-Za-z0-9_-]+)"
# The usual ways of writing a name and all below it.
_AND_BELOW = re.compile(rf"(?:\(\\\.\|\^\)|\(\^\|\\\.\)|\^\((?:\.\+|\.\*)\\\.\)\?|\^\(\.\*\\\.\)\*){_NAME}\$")
_EXACTLY = re.compile(rf"\^{_NAME}\$")
_SCHEME = "^https?://"
_SLASH = 1 << ord("/")
_POSIX_ONLY = re.compile(r"\[[.:=]|\\[<>`']|\[[^\]]*\\")


def about_host(text: str, *, any_case: bool = True) -> Match | Unreadable:
    """The match for hosts in which the expression is found; hosts are in lower case, as rules have them."""
    if not any_case and re.search("[A-Z]", text):
        return Unreadable("a capital letter, which no host has, matches nothing")
    lower = text.lower()
    if whole := _AND_BELOW.fullmatch(lower):
        return {"host": whole[1].replace("\\", "")}
    if whole := _EXACTLY.fullmatch(lower):
        return {"host": "=" + whole[1].replace("\\", "")}
    begins, ends = lower.startswith("^"), lower.endswith("$") and not lower.endswith("\\$")
    body = lower[begins : len(lower) - ends]
    parts = _HOST_PART.findall(body)
    if "".join(parts) != body:
        return Unreadable("an expression about hosts with more than letters, dots, classes and repeats")
    inside = "".join(f"[^/:]{part[1:]}" if part.startswith(".") else part for part in parts)
    return {"url": _SCHEME + ("" if begins else "[^/:]*") + inside + ("(:[0-9]+)?(/|$)" if ends else "")}


def about_url(text: str, *, any_case: bool) -> Match | Unreadable:
    """The match for URLs in which the expression is found."""
    if _POSIX_ONLY.search(text) or text.startswith("(?"):
        return Unreadable("an expression in a notation that rules do not have")
    return {"url": f"(?i){text}" if any_case else text}


def about_path(text: str, *, any_case: bool) -> Match | Unreadable:
    """The match for URLs in whose path and query the expression is found."""
    beginning = path_expression(text)
    return (
        beginning if isinstance(beginning, Unreadable) else about_url(f"{_SCHEME}[^/]*{beginning}", any_case=any_case)
    )


def path_expression(text: str) -> str | Unreadable:
    """What has to follow the authority of a URL for the expression to be found in its path and query."""
    if _POSIX_ONLY.search(text) or text.startswith("(?"):
        return Unreadable("an expression in a notation that rules do not have")
    try:
        parsed = parse_expression(text)
    except ExpressionError as error:
        return Unreadable(f"regular expression: {error}")
    if isinstance(parsed, Either):
        return Unreadable("alternatives that are in no group, of which one could reach the host")
    parts = parsed.parts if isinstance(parsed, Sequence) else (parsed,)
    begins = bool(parts) and parts[0] == Edge("start")
    first = parts[begins] if len(parts) > begins else None
    if not isinstance(first, Characters):
        return Unreadable("an expression about paths that does not begin with a plain character")
    if first.octets == _SLASH:
        return text[1:] if begins else f"(/.*)?{text}"
    if begins:
        return Unreadable("an expression about paths that begin with no slash")
    if first.octets & _SLASH:
        return Unreadable("an expression about paths that may begin with a slash or not")
    return f"/.*{text}"
