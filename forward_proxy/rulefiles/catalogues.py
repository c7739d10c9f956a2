"""Reads a ClearURLs list: JSON, or the YAML that version 2 is written in."""

from forward_proxy.cleaning.catalogue import Catalogue
from forward_proxy.cleaning.clearurls import read_clearurls
from forward_proxy.cleaning.trees import Node, read_json
from forward_proxy.rulefiles import tree


def read_catalogue(content: bytes) -> Catalogue | None:
    """The compiled list; None when it is none.  Never raises."""
    text = content.decode("utf-8-sig", "replace")
    root = read_json(text) if text.lstrip().startswith("{") else _read_yaml(content)
    return None if root is None else read_clearurls(root, len(text.splitlines()))


def _read_yaml(content: bytes) -> Node | None:
    try:
        return _placed(tree.read_tree(content))
    except tree.TreeError:
        return None


def _placed(node: tree.Node) -> Node:
    match node.value:
        case dict():
            members = {key: _placed(member) for key, member in node.value.items()}
            return Node(members, node.mark.line)
        case tuple():
            return Node(tuple(map(_placed, node.value)), node.mark.line)
        case text:
            return Node(text, node.mark.line)
