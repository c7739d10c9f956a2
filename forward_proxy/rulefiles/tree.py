"""What is written in a YAML file, and where?  Mappings, lists and text, each with its line and column.

Every scalar is text: `no`, `on`, `off`, `1:30`, `012` and dates stay what the operator wrote, and it is the grammar
that knows which text is a number.  An empty scalar, `~` and `null` are nothing (None) unless quoted.

The file is hostile: size, depth and the number of nodes after aliases are bounded, and the tree is built from parser
events, since composing one recurses in C without a bound.  Tags, merge keys, keys that are not text, a key given twice
and an alias inside its own anchor are refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import Reader

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 24
MAX_NODES = 1_000_000

type Path = tuple[str | int, ...]
type Plain = str | list["Plain"] | dict[str, "Plain"] | None


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; line and column count from 1."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins; `nodes` and `height` are its size and depth with every alias written out."""

    value: "str | tuple[Node, ...] | dict[str, Node] | None"
    mark: Mark
    key_marks: dict[str, Mark] = field(default_factory=dict)
    nodes: int = 1
    height: int = 0

    def plain(self) -> Plain:
        """The value without marks."""
        match self.value:
            case tuple():
                return [node.plain() for node in self.value]
            case dict():
                return {key: node.plain() for key, node in self.value.items()}
            case _:
                return self.value

    def locate(self, path: Path) -> Mark:
        """Where the thing at this path is written: the key of a mapping's member, else the nearest thing around it."""
        node, mark = self, self.mark
        for step in path:
            if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
                node, mark = node.value[step], node.key_marks[step]
            elif isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.mark
            else:
                break
        return mark


class TreeError(ValueError):
    """The bytes are no YAML that we read; where and why.  Never leaves this folder."""

    def __init__(self, reason: str, mark: Mark) -> None:
        super().__init__(reason)
        self.mark = mark


def read_tree(content: bytes) -> Node:
    """The tree of one document; of an empty one, a node without a value.  Raises TreeError and nothing else."""
    if len(content) > MAX_BYTES:
        raise TreeError(f"larger than {MAX_BYTES} bytes", Mark())
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TreeError("not UTF-8", Mark(content.count(b"\n", 0, error.start) + 1)) from None
    if (forbidden := Reader.NON_PRINTABLE.search(text)) is not None:
        line_start = text.rfind("\n", 0, forbidden.start())
        mark = Mark(text.count("\n", 0, forbidden.start()) + 1, forbidden.start() - line_start)
        raise TreeError("a character that YAML forbids", mark)
    try:
        return _Builder(yaml.parse(text, Loader=yaml.CSafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        raise TreeError(f"not YAML: {error.problem or error.context}", _mark(error.problem_mark)) from None


def _mark(mark: Any) -> Mark:
    return Mark() if mark is None else Mark(mark.line + 1, mark.column + 1)


class _Builder:
    """Builds the tree from the parser's events; anchors are known once what they name is complete."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.events = events
        self.anchors: dict[str, Node | None] = {}
        self.depth = 0
        self.nodes = 0

    def document(self) -> Node:
        found: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if found is not None:
                    raise TreeError("a second document; a rule file is one", _mark(event.start_mark))
                found = self.node(next(self.events))
        return Node(None, Mark()) if found is None else found

    def node(self, event: yaml.Event) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.counted(self.aliased(event))
        assert isinstance(event, yaml.NodeEvent)  # noqa: S101 -- for the type checker; YAML's grammar has no other here
        mark = _mark(event.start_mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        node = self.tagless(event, mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def tagless(self, event: yaml.Event, mark: Mark) -> Node:
        if getattr(event, "tag", None) is not None:
            raise TreeError("tags are not understood", mark)
        match event:
            case yaml.ScalarEvent(value=value, style=style):
                nothing = not style and value in ("", "~", "null")
                return self.counted(Node(None if nothing else value, mark))
            case yaml.SequenceStartEvent():
                return self.sequence(mark)
            case _:
                return self.mapping(mark)

    def aliased(self, event: yaml.AliasEvent) -> Node:
        name, mark = str(event.anchor), _mark(event.start_mark)
        if name not in self.anchors:
            raise TreeError(f"unknown alias {name}", mark)
        node = self.anchors[name]
        if node is None:
            raise TreeError(f"alias {name} stands inside what it names", mark)
        if self.depth + node.height > MAX_DEPTH:
            raise TreeError("nested too deeply", mark)
        return node

    def sequence(self, mark: Mark) -> Node:
        self.enter(mark)
        members: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            members.append(self.node(event))
        self.depth -= 1
        return Node(tuple(members), mark, {}, *_size(members))

    def mapping(self, mark: Mark) -> Node:
        self.enter(mark)
        members: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key_mark = _mark(event.start_mark)
            key = self.node(event).value
            if not isinstance(key, str):
                raise TreeError("a key is not text", key_mark)
            if key in members:
                raise TreeError(f"key {key} is given twice, first in line {marks[key].line}", key_mark)
            members[key], marks[key] = self.node(next(self.events)), key_mark
        self.depth -= 1
        return Node(members, mark, marks, *_size(members.values()))

    def enter(self, mark: Mark) -> None:
        self.counted(Node(None, mark))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TreeError("nested too deeply", mark)

    def counted(self, node: Node) -> Node:
        """Counts what writing this node out adds to the whole."""
        self.nodes += node.nodes
        if self.nodes > MAX_NODES:
            raise TreeError(f"more than {MAX_NODES} values, aliases written out", node.mark)
        return node


def _size(members: Iterable[Node]) -> tuple[int, int]:
    """Nodes and height of what holds these members."""
    nodes, height = 1, 0
    for member in members:
        nodes += member.nodes
        height = max(height, member.height)
    return nodes, height + 1
