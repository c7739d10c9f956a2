"""JSON with the lines its strings stand in."""

import json

from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.cleaning.trees import Node, read_json

TEXT = """{
  "a": ["x", "y\\"z",
        "w"],
  "b": {"c": true, "d": 2, "e": null},
  "f": {}, "g": []
}"""


def test_each_value_has_its_line() -> None:
    root = read_json(TEXT)
    assert root is not None
    assert [(node.text, node.line) for node in root.members["a"].items] == [("x", 2), ('y"z', 2), ("w", 3)]
    inner = root.members["b"].members
    assert (inner["c"].text, inner["d"].text, inner["e"].value) == ("true", "2", None)
    assert (root.members["f"].members, root.members["g"].items) == ({}, ())


def test_what_is_no_json_is_none() -> None:
    assert [read_json(text) for text in ("", "{", "[1,]", "{'a': 1}", "[" * 100_000)] == [None] * 5


def plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {key: plain(member) for key, member in node.value.items()}
    return [plain(member) for member in node.value] if isinstance(node.value, tuple) else node.value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.sampled_from([None, 1]))
def test_what_is_read_is_what_was_written(value: object, indent: int | None) -> None:
    root = read_json(json.dumps(value, indent=indent))
    assert root is not None
    assert plain(root) == texts(value)


def texts(value: object) -> object:
    match value:
        case dict():
            return {key: texts(member) for key, member in value.items()}
        case list():
            return [texts(member) for member in value]
        case None | str():
            return value
        case _:
            return str(value).lower()


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    read_json(text)
