import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.rulefiles.tree import MAX_BYTES, Mark, TreeError, read_tree


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("true", "true"),
        ("1:30", "1:30"),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T10:00", "2026-11-23T10:00"),
        ("'null'", "null"),
        ("''", ""),
        ("=example.com", "=example.com"),
        ("", None),
        ("~", None),
        ("null", None),
    ],
)
def test_every_scalar_is_the_text_that_was_written(scalar: str, value: str | None) -> None:
    assert read_tree(f"key: {scalar}".encode()).plain() == {"key": value}


def test_an_empty_file_has_no_value() -> None:
    assert [read_tree(content).plain() for content in (b"", b"# only a comment\n", b"---\n")] == [None, None, None]


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert read_tree(b"\xef\xbb\xbfa: b").plain() == {"a": "b"}


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        ((), Mark(1, 1)),
        (("rules",), Mark(1, 1)),
        (("rules", 1), Mark(3, 5)),
        (("rules", 1, "match", "host"), Mark(4, 14)),
        (("rules", 1, "match", "host", 1), Mark(4, 24)),
        (("rules", 1, "match", "missing"), Mark(4, 5)),
        (("rules", 7), Mark(1, 1)),
    ],
)
def test_a_path_is_located_at_its_key_or_what_is_nearest(path: tuple[str | int, ...], mark: Mark) -> None:
    tree = read_tree(b"rules:\n  - id: a\n  - id: b\n    match: { host: [x, y] }\n")
    assert tree.locate(path) == mark


def test_an_alias_stands_for_what_its_anchor_named() -> None:
    assert read_tree(b"a: &x [1, 2]\nb: *x\n").plain() == {"a": ["1", "2"], "b": ["1", "2"]}


BOMB = (
    b"a: &a [" + b"x," * 10 + b"]\n" + b"".join(b"%c: &%c [%s]\n" % (n, n, b"*%c," % (n - 1) * 10) for n in b"bcdefgh")
)
LADDER = b"".join(b"a%d: &a%d [[[[[*a%d]]]]]\n" % (n, n, n - 1) if n else b"a0: &a0 [x]\n" for n in range(400))


@pytest.mark.parametrize(
    ("content", "reason", "mark"),
    [
        (b"a: [1, 2", "not YAML: did not find expected ',' or ']'", Mark(2, 1)),
        (b"a: b: c", "not YAML: mapping values are not allowed in this context", Mark(1, 5)),
        (b"a: 1\na: 2", "key a is given twice, first in line 1", Mark(2, 1)),
        (b"a: 1\n---\nb: 2", "a second document; a rule file is one", Mark(2, 1)),
        (b"a: *x", "unknown alias x", Mark(1, 4)),
        (b"a: &x [*x]", "alias x stands inside what it names", Mark(1, 8)),
        (b"a: &x {b: [*x]}", "alias x stands inside what it names", Mark(1, 12)),
        (b"? [a]\n: b", "a key is not text", Mark(1, 3)),
        (b"~: b", "a key is not text", Mark(1, 1)),
        (b"a: !!python/object/apply:os.system [x]", "tags are not understood", Mark(1, 4)),
        (b"a: !!str x", "tags are not understood", Mark(1, 4)),
        (b"[" * 100_000, "nested too deeply", Mark(1, 25)),
        (b"a:\n b: \x07", "a character that YAML forbids", Mark(2, 5)),
        ("ä: \x00".encode(), "a character that YAML forbids", Mark(1, 4)),
        (b"a: b\nc: \xff", "not UTF-8", Mark(2, 1)),
        (b"x" * (MAX_BYTES + 1), f"larger than {MAX_BYTES} bytes", Mark(1, 1)),
        (BOMB, "more than 1000000 values, aliases written out", Mark(5, 4)),
        (LADDER, "nested too deeply", Mark(6, 14)),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_with_its_place(content: bytes, reason: str, mark: Mark) -> None:
    with pytest.raises(TreeError) as caught:
        read_tree(content)
    assert (str(caught.value), caught.value.mark) == (reason, mark)


@given(st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!?|>'\"#%\n ,~<=", max_size=60).map(str.encode)))
def test_any_bytes_are_a_tree_or_a_tree_error(content: bytes) -> None:
    try:
        tree = read_tree(content)
    except TreeError:
        return
    assert read_tree(content) == tree
