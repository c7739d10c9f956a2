"""Reads ClearURLs lists: of version 1, and of version 2 as it is written and as it is compiled.

    1             {"providers": {"name": {"urlPattern", "rules", "rawRules", "referralMarketing", "exceptions",
                                         "redirections", "completeProvider", "forceRedirection"}}}
    2, written    {"version": 2, "defaults": {…}, "providers": {"name": {"urlPattern", "rules": [name | rule]}}}
    2, compiled   {"id", "defaultActive", "providers": [{"providerId", "urlPattern", "rules": [rule]}]}

A rule of version 2 is of a kind (field, raw, redirection, exception) and has an action (remove, rewrite, redirect).
What only a browser can do, or what is not removing, is ignored with a reason: rewriting, preprocessors, request types
that are no resource, methods other than GET and HEAD.  `forceRedirection` is about how an extension goes on; a proxy
has one way.  `referralMarketing` is removed, as it is there unless somebody chooses otherwise; a `keep` entry for the
names keeps it.

Expressions are run as automata over canonical URLs, whatever the case of letters.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from forward_proxy.access.lists.reading import SHOWN, Ignored, Report
from forward_proxy.cleaning.catalogue import Catalogue, Provider, Scope
from forward_proxy.cleaning.patterns import Pattern, compile_pattern
from forward_proxy.cleaning.spans import Capture, Raw, compile_capture, compile_raw
from forward_proxy.cleaning.trees import Node
from forward_proxy.matching.automata import Automaton, compile_within
from forward_proxy.matching.expressions import ExpressionError
from forward_proxy.matching.subject import Resource

FORMAT = "clearurls"
MAX_WORK = 100_000
MAX_WORK_TOGETHER = 10_000_000
MAX_EXPRESSIONS = 20_000
_LONGEST_UNION = 900
_LONGEST_TEXT = 200

_RESOURCES: Mapping[str, tuple[Resource, ...]] = {
    "main_frame": ("document",),
    "sub_frame": ("frame",),
    "stylesheet": ("style",),
    "script": ("script",),
    "image": ("image",),
    "imageset": ("image",),
    "font": ("font",),
    "object": ("object",),
    "object_subrequest": ("object",),
    "xmlhttprequest": ("fetch",),
    "ping": ("fetch",),
    "beacon": ("fetch",),
    "media": ("media",),
    "other": ("other",),
}


def read_clearurls(root: Node, lines: int) -> Catalogue | None:
    """The catalogue of this tree, from a text of so many lines; None when it is no ClearURLs list.  Never raises."""
    told = root.members.get("providers")
    if told is None or not isinstance(told.value, dict | tuple):
        return None
    reading = _Reading()
    version_2 = root.members.get("version", Node(None)).text == "2" or isinstance(told.value, tuple)
    defaults = root.members.get("defaults", Node(None)).members
    active = root.members.get("defaultActive", Node("true")).text != "false"
    named = (
        list(told.value.items())
        if isinstance(told.value, dict)
        else [(node.members.get("providerId", Node(None)).text, node) for node in told.value]
    )
    providers = []
    for name, node in named:
        if not active or node.members.get("defaultActive", Node("true")).text == "false":
            reading.ignore(node.line, name, "switched off by its makers")
        elif (provider := reading.provider(name, node)) is not None:
            of_version = reading.of_version_2(node, defaults) if version_2 else reading.of_version_1(node)
            if of_version.unsure:  # What it is not about cannot be told.
                reading.ignore(node.line, name, "an exception of it cannot be run")
            else:
                providers.append(reading.whole(provider, of_version))
    return Catalogue(tuple(providers), reading.report(lines))


@dataclass(slots=True)
class _Parts:
    """What is read of one provider; `unsure` when an exception of it cannot be run."""

    unsure: bool = False
    exceptions: list[Pattern] = field(default_factory=list)
    fields: list[tuple[Scope, Automaton]] = field(default_factory=list)
    raws: list[tuple[Scope, Raw]] = field(default_factory=list)
    captures: list[tuple[Scope, Capture]] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    rules: int = 0
    work: int = 0
    expressions: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Ignored] = field(default_factory=list)

    def ignore(self, line: int, text: str, reason: str) -> None:
        self.reasons[reason] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(Ignored(line, text[:_LONGEST_TEXT], reason))

    def report(self, lines: int) -> Report:
        return Report(FORMAT, lines, self.rules, 0, 0, tuple(self.reasons.most_common()), tuple(self.examples))

    def provider(self, name: str, node: Node) -> Provider | None:
        """The provider without its rules."""
        pattern = node.members.get("urlPattern", Node(None))
        methods = [each.text.upper() for each in node.members.get("methods", Node(())).items]
        if methods and not {"GET", "HEAD"}.intersection(methods):
            self.ignore(node.line, name, "about methods other than GET and HEAD")
            return None
        url = self.pattern(pattern)
        blocks = node.members.get("completeProvider", Node(None)).text == "true"
        return None if url is None else Provider(name, node.line, url, blocks)

    def whole(self, provider: Provider, parts: _Parts) -> Provider:
        made = replace(provider, exceptions=tuple(parts.exceptions))
        if provider.blocks:  # As in ClearURLs, what else it says means nothing.
            self.rules += 1
            return made
        self.rules += len(parts.fields) + len(parts.raws) + len(parts.captures)
        return replace(
            made,
            unions=tuple(self.unions([scope.text for scope, _ in parts.fields])),
            fields=tuple(parts.fields),
            raws=tuple(parts.raws),
            captures=tuple(parts.captures),
        )

    def unions(self, texts: list[str]) -> Iterator[Automaton]:
        """All names taken together, in as few automata as may be."""
        together: list[str] = []
        for text in [*texts, None]:
            if together and (text is None or len("|".join(together)) + len(text) > _LONGEST_UNION):
                try:
                    automaton, work = compile_within(_whole_name("|".join(together)), MAX_WORK)
                    self.work += work
                    yield automaton
                except ExpressionError:  # Together they are too much; one by one they are not.
                    yield from (compile_within(_whole_name(each), MAX_WORK)[0] for each in together)
                together = []
            if text is not None:
                together.append(text)

    def of_version_1(self, node: Node) -> _Parts:
        parts, members = _Parts(), node.members
        for each in _texts(members, "exceptions"):
            self.exception(each, parts)
        for each in (*_texts(members, "rules"), *_texts(members, "referralMarketing")):
            self.field(each, Scope(each.line, each.text), parts)
        for each in _texts(members, "rawRules"):
            self.raw(each, Scope(each.line, each.text), parts)
        for each in _texts(members, "redirections"):
            self.capture(each, Scope(each.line, each.text), parts)
        return parts

    def of_version_2(self, node: Node, defaults: Mapping[str, Node]) -> _Parts:
        parts = _Parts()
        for each in _texts(node.members, "exceptions"):
            self.exception(each, parts)
        for each in node.members.get("rules", Node(())).items:
            members = {**defaults, **each.members}
            match = each if isinstance(each.value, str) else members.get("match", Node(None, each.line))
            scope = self.scope(match, members)
            if scope is not None:
                self.rule(match, members, scope, parts)
        return parts

    def scope(self, match: Node, members: Mapping[str, Node]) -> Scope | None:
        """When the rule is in force; None when it never is."""
        active = members.get("activeDefault", members.get("active", Node("true"))).text
        types = members.get("requestTypes", Node("all"))
        resources: frozenset[Resource] | None = None
        if active == "false":
            self.ignore(match.line, match.text, "switched off by its makers")
            return None
        if types.text != "all":
            known = [_RESOURCES.get(each.text, ()) for each in types.items]
            resources = frozenset(resource for found in known for resource in found)
            if not resources:
                self.ignore(match.line, match.text, "its request types are none that a proxy can tell")
                return None
        exceptions = [self.pattern(each) for each in _texts(members, "exceptions")]
        if None in exceptions:  # What it is not about cannot be told.
            self.ignore(match.line, match.text, "an exception of it cannot be run")
            return None
        return Scope(match.line, _without_anchors(match.text), resources, tuple(filter(None, exceptions)))

    def rule(self, match: Node, members: Mapping[str, Node], scope: Scope, parts: _Parts) -> None:
        kind = members.get("kind", Node("field")).text
        action = members.get("action", Node(None)).members
        does = action.get("type", Node("redirect" if kind == "redirection" else "remove")).text
        if kind == "exception":
            self.exception(match, parts)
        elif members.get("preprocessors", Node(())).items and does != "redirect":
            self.ignore(match.line, match.text, "it rewrites what it matches, and nothing is rewritten here")
        elif (kind, does) == ("field", "remove"):
            self.field(match, scope, parts)
        elif (kind, does) == ("raw", "remove"):
            self.raw(match, scope, parts)
        elif does == "redirect" and kind in ("redirection", "raw"):
            self.redirection(match, members, action, scope, parts)
        elif does == "rewrite":
            self.ignore(match.line, match.text, "it rewrites what it matches, and nothing is rewritten here")
        else:
            self.ignore(match.line, match.text, f"a rule of kind {kind[:40]} that is to {does[:40]} is not known")

    def redirection(
        self, match: Node, members: Mapping[str, Node], action: Mapping[str, Node], scope: Scope, parts: _Parts
    ) -> None:
        steps = [each.members.get("type", Node(None)).text for each in members.get("preprocessors", Node(())).items]
        if action.get("replacePattern", Node("§1§")).text != "§1§" or any(step != "urlDecode" for step in steps):
            self.ignore(match.line, match.text, "it makes a URL of parts, and only a whole one is taken")
        else:
            self.capture(match, scope, parts)

    def exception(self, node: Node, parts: _Parts) -> None:
        pattern = self.pattern(node)
        if pattern is None:
            parts.unsure = True
        else:
            parts.exceptions.append(pattern)

    def field(self, node: Node, scope: Scope, parts: _Parts) -> None:
        scope = replace(scope, text=_without_anchors(scope.text))
        automaton = self.compiled(node, lambda text: compile_within(_whole_name(_without_anchors(text)), MAX_WORK))
        if automaton is not None:
            parts.fields.append((scope, automaton))

    def raw(self, node: Node, scope: Scope, parts: _Parts) -> None:
        raw = self.compiled(node, lambda text: compile_raw(text, MAX_WORK))
        if raw is not None:
            parts.raws.append((scope, raw))

    def capture(self, node: Node, scope: Scope, parts: _Parts) -> None:
        capture = self.compiled(node, lambda text: compile_capture(text, MAX_WORK))
        if capture is not None:
            parts.captures.append((scope, capture))

    def pattern(self, node: Node) -> Pattern | None:
        return self.compiled(node, lambda text: compile_pattern(text, MAX_WORK))

    def compiled[T](self, node: Node, compiles: Callable[[str], tuple[T, int]]) -> T | None:
        """What the expression becomes; None when it cannot be run, which is noted."""
        if not isinstance(node.value, str) or not node.value:
            self.ignore(node.line, "", "expected a regular expression")
            return None
        if self.work > MAX_WORK_TOGETHER or self.expressions >= MAX_EXPRESSIONS:
            self.ignore(node.line, node.text, "the expressions before it are as much work as a list may be")
            return None
        self.expressions += 1
        try:
            made, work = compiles(node.text)
        except ExpressionError as error:
            self.work += MAX_WORK
            self.ignore(node.line, node.text, f"regular expression: {error}")
            return None
        self.work += work
        return made


def _texts(members: Mapping[str, Node], key: str) -> tuple[Node, ...]:
    return members.get(key, Node(())).items


def _whole_name(text: str) -> str:
    return f"(?i)^(?:{text})$"


def _without_anchors(text: str) -> str:
    """As compiled lists have names of fields: `^utm_source$`."""
    return text[1:-1] if text.startswith("^") and text.endswith("$") and "|" not in text else text
