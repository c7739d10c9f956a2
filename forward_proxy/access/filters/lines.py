"""What does one line of a list say?  A filter, a hosts line, one that hides parts of pages, a comment; or why none.

Nothing here raises, whatever the text.  A filter is read twice: when its list is, and again when a request first comes
near it, so that a hundred thousand of them cost no more than their text.
"""

import re
from dataclasses import dataclass, replace

from forward_proxy.access.filters.modifiers import Parameters, unfit
from forward_proxy.access.filters.patterns import FOLDED_MARKS, Pattern, read_pattern
from forward_proxy.access.filters.report import Refused
from forward_proxy.access.filters.resolving import anchored, narrowed
from forward_proxy.access.filters.scopes import KINDS, Scope, read_scope
from forward_proxy.matching.automata import required_literal
from forward_proxy.matching.expressions import EVERY, Characters, ExpressionError, Repeat, Sequence, parse_expression
from forward_proxy.message.hosts import canonical_host

_COSMETIC = re.compile(r"#@?[$?%]*@?#|\$@?\$(?=[a-z])|#@?%#")
_HOSTS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?|0)[ \t]+([^ \t#].*)")
_LOCAL_NAMES = frozenset(
    ("localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback")
)
_PLAIN_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_OPTIONS = re.compile(r"~?[A-Za-z0-9_-]+(?:[=,]|$)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^/^*?:|\[\]]+)(?=[/^?:])")
_MANY_AT_END = re.compile(r"\.(?:\*|\+|\{([0-9]+),\})\??$")
# What looks at the octet behind it, or at the end.
_LOOKS_AHEAD = re.compile(r"\$|\\[ZbB]")
_TO_SOCKETS = re.compile(r"(\|?)ws(s?://)")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
# A regular expression behind an option ends in a slash, as one that is the pattern does.
_REMOVES = re.compile(r"\$(?:[^$]*,)?(?:removeparam|queryprune)=~?/")
_WRITTEN = re.compile(r"[^\x00-\x20\x7f#]*")
MAX_LINE = 20_000
MAX_PATTERN = 2_000
MAX_RUNS = 100
_EVERYTHING = Refused("pattern", "it would hold for everything")


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression in the words of matching/expressions.py; of the URL its last `spare` octets are left out.

    `literal` is in every URL that fits.  `is_open` when what holds for the beginning of a URL holds for the whole.
    """

    source: str
    literal: str
    spare: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """`site` is the host that it names, with all below it; `labels` when the pattern may begin at any label of the
    host."""

    pattern: Pattern | Expression
    scope: Scope
    exception: bool = False
    site: str | None = None
    labels: bool = False

    @property
    def needle(self) -> bytes:
        """What the marked URL, in lower case, holds if the filter does."""
        if isinstance(self.pattern, Expression):
            pattern = self.pattern.literal.encode().translate(FOLDED_MARKS)
        else:
            pattern = max((run.marked for run in self.pattern.runs), key=len, default=b"").lower()
        return max(pattern, self.parameter.encode().translate(FOLDED_MARKS), key=len)

    @property
    def parameter(self) -> str:
        """The name of the one parameter that the filter is about, where it stands in URLs as it is."""
        if self.scope.modifier is None or self.scope.modifier.kind != "removeparam":
            return ""
        parameters = Parameters.of(self.scope.modifier.value)
        return parameters.name if not parameters.others and _UNRESERVED.fullmatch(parameters.name) else ""

    @property
    def expressions(self) -> tuple[str, ...]:
        """The regular expressions in it."""
        pattern, modifier = self.pattern, self.scope.modifier
        of_url = pattern.source if isinstance(pattern, Expression) else ""
        of_parameters = Parameters.of(modifier.value).expression if modifier and modifier.kind == "removeparam" else ""
        return tuple(filter(None, (of_url, of_parameters)))

    @property
    def blocks(self) -> bool:
        """Whether it blocks, whatever else it does."""
        return not self.exception and (self.scope.modifier is None or self.scope.modifier.blocks)

    @property
    def is_host(self) -> bool:
        """Whether it means a host, and nothing of its URLs."""
        pattern = self.pattern
        if self.site is None or isinstance(pattern, Expression) or pattern.ends:
            return False
        return [run.text for run in pattern.runs] == [b"^"]

    @property
    def is_plain(self) -> bool:
        """Whether it blocks a host, and says nothing else."""
        return self.is_host and not self.exception and self.scope == Scope()


@dataclass(frozen=True, slots=True)
class HostsLine:
    """The canonical hosts of a line such as `0.0.0.0 ads.example`."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cosmetic:
    """A line about what is seen of a page."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A line that says nothing."""


type Line = Filter | HostsLine | Cosmetic | Comment | Refused


def read_line(text: str, for_resolvers: bool = False) -> Line:
    """What a line says, without white space around it, to a browser or to a resolver.  Never raises."""
    if not text or text.startswith("!"):
        return Comment()
    if "#" in text or "$$" in text or "$@$" in text:
        if _COSMETIC.search(text):
            return Cosmetic()
        if text.startswith("#"):
            return Comment()
    if text.startswith("[") and text.endswith("]"):
        return Comment()  # What the list is written for.
    if len(text) > MAX_LINE:
        return Refused("pattern", f"longer than {MAX_LINE:,} characters")
    if text[0] in "0127:" and (hosts := _HOSTS.fullmatch(text)):
        return _hosts_line(hosts[1])
    if for_resolvers:
        text = text.partition(" #")[0].rstrip()
        if _PLAIN_HOST.fullmatch(text):
            return _hosts_line(text)
    return _filter(text, for_resolvers)


def _hosts_line(text: str) -> HostsLine | Comment | Refused:
    names = text.partition("#")[0].split()
    hosts = [canonical_host(name) for name in names if name not in _LOCAL_NAMES]
    if not hosts:
        return Comment()
    if None in hosts:
        return Refused("hosts", "expected host names after the address")
    return HostsLine(tuple(host for host in hosts if host))


def _filter(text: str, for_resolvers: bool) -> Filter | Refused:
    exception = text.startswith("@@")
    pattern, options = split_options(text[2:] if exception else text)
    scope = read_scope(options, exception) if options else Scope()
    if for_resolvers and not isinstance(scope, Refused):
        scope = narrowed(scope)
    if isinstance(scope, Refused):
        return scope
    modifier = scope.modifier
    if modifier and not exception and (refused := unfit(modifier)) is not None:
        return refused
    if pattern.startswith("/") and pattern.endswith("/") and len(pattern) > 2:
        expression = _expression(pattern[1:-1], scope.match_case)
        if isinstance(expression, Refused):
            return expression
        is_all = expression.source in ("", "(?i)") and scope.is_wide
        return _EVERYTHING if is_all else Filter(expression, scope, exception)
    if not _WRITTEN.fullmatch(pattern):
        return Refused("pattern", "white space, a control character or # in a pattern; no requested URL has any")
    if for_resolvers:
        name = anchored(pattern)
        return name if isinstance(name, Refused) else _patterned(name, scope, exception, False)
    return _patterned(pattern, scope, exception, not options)


def split_options(text: str) -> tuple[str, str]:
    """The pattern and the options after its `$`: the last one that options follow."""
    if text.startswith("/") and text.endswith("/") and "/$" not in text and not _REMOVES.search(text):
        return text, ""
    at = text.rfind("$")
    while at >= 0:
        if at == len(text) - 1 or _OPTIONS.match(text, at + 1):
            return text[:at], text[at + 1 :]
        at = text.rfind("$", 0, at)
    return text, ""


def _patterned(text: str, scope: Scope, exception: bool, is_bare: bool) -> Filter | Refused:
    if is_bare and _PLAIN_HOST.fullmatch(text) and canonical_host(text):
        text = f"||{text}^"  # As uBlock reads it; `*` in front makes a pattern of it.
    if sockets := _TO_SOCKETS.match(text):
        # The canonical scheme of a WebSocket is that of its handshake.
        scope = replace(scope, types=scope.types & KINDS["websocket"])
        text = f"{sockets[1]}http{sockets[2]}{text[sockets.end() :]}"
        if not scope.types:
            return Refused("options", "a ws: URL can be a websocket only")
    site, labels, begins = None, text.startswith("||"), text.startswith("|")
    rest = text.lstrip("|") if begins else text
    if labels and (host := _HOST.match(rest)):
        site = canonical_host(host[1])
        if site is None:
            return Refused("pattern", f"no host is called {host[1][:80]}")
        rest, labels = rest[host.end() :], False
    elif labels and not rest.partition("/")[0].isascii():
        return Refused("pattern", "the beginning of a host name that is not ASCII")
    if len(rest) > MAX_PATTERN or rest.count("*") > MAX_RUNS:
        return Refused("pattern", f"longer than {MAX_PATTERN:,} characters, or with more than {MAX_RUNS} *")
    pattern = read_pattern(rest, begins, scope.match_case)
    if not pattern.runs and site is None and scope.is_wide:
        return _EVERYTHING
    return Filter(pattern, scope, exception, site, labels and pattern.begins)


def _expression(source: str, match_case: bool) -> Expression | Refused:
    try:
        tree = parse_expression(source)
    except ExpressionError as error:
        return Refused("expression", f"regular expression: {error}")
    spare = 0
    if (end := _MANY_AT_END.search(source)) and _any_at_end(tree) and not _LOOKS_AHEAD.search(source):
        # `x.{100,}` is `x` somewhere in all but the last 100 octets: the same, and a much smaller automaton.
        spare = int(end[1] or 0) if end[0][1] == "{" else int(end[0][1] == "+")
        source = source[: end.start()]
        try:
            tree = parse_expression(source)
        except ExpressionError as error:
            return Refused("expression", f"regular expression: {error}")
    literal = required_literal(tree)
    is_open = not _LOOKS_AHEAD.search(source)
    if match_case:
        return Expression(source, literal, spare, is_open)
    return Expression(source if source.startswith("(?i)") else f"(?i){source}", literal.lower(), spare, is_open)


def _any_at_end(tree: object) -> bool:
    match tree:
        case Sequence(parts) if parts:
            match parts[-1]:
                case Repeat(Characters(octets), _, None):
                    return octets == EVERY ^ (1 << 10)
    return False
