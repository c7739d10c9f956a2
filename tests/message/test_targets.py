import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.message.targets import (
    Malformed,
    TargetUri,
    parse_authority,
    parse_target_uri,
    resolved,
    target_uri,
)

BASE = TargetUri("http", "a", 80, "/b/c/d;p", "q")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTP://EXAMPLE.com:80/", "http://example.com/"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:/", "https://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("ws://example.com/chat", "http://example.com/chat"),
        ("wss://example.com/chat", "https://example.com/chat"),
        ("http://user:password@example.com/", "http://example.com/"),
        ("http://allowed.example@denied.example/", "http://denied.example/"),
        ("http://example.com/#fragment", "http://example.com/"),
        ("http://example.com?q", "http://example.com/?q"),
        ("http://example.com/?", "http://example.com/?"),
        ("http://example.com/%7euser", "http://example.com/~user"),
        ("http://example.com/%41%62", "http://example.com/Ab"),
        ("http://example.com/a%2fb", "http://example.com/a%2Fb"),
        ("http://example.com/100%", "http://example.com/100%25"),
        ("http://example.com/a/./b/../c", "http://example.com/a/c"),
        ("http://example.com/a/%2e%2e/b", "http://example.com/b"),
        ("http://example.com/../../x", "http://example.com/x"),
        ("http://example.com/a/..", "http://example.com/"),
        ("http://example.com/a/b/.", "http://example.com/a/b/"),
        ("http://example.com/ä", "http://example.com/%C3%A4"),
        ("http://example.com/a|b", "http://example.com/a%7Cb"),
        ("http://example.com/a//b", "http://example.com/a//b"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
    ],
)
def test_every_spelling_of_a_target_has_one_form(written: str, canonical: str) -> None:
    assert str(parse_target_uri(written)) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "", "example.com", "/path", "*", "ftp://example.com/", "http:///path", "http://:80/", "http://example.com:0/",
        "http://example.com:65536/", "http://example.com:99999999999/", "http://example.com:8x/", "http://a b/",
        "http://example.com/a b", "http://example.com/\x00", "http://example.com/\r\nHost: x", "http://[::1/",
    ],
)  # fmt: skip
def test_what_has_no_form_is_malformed(written: str) -> None:
    assert isinstance(parse_target_uri(written), Malformed)


@given(st.text())
def test_any_text_gives_a_stable_form_or_a_reason(text: str) -> None:
    for written in (text, f"http://{text}", f"https://example.com/{text}"):
        target = parse_target_uri(written)
        assert target == (parse_target_uri(str(target)) if isinstance(target, TargetUri) else target)


@given(st.text(alphabet="./%2eE5cabc"), st.text(alphabet="%20?=&a"))
def test_no_path_keeps_a_dot_segment(path: str, query: str) -> None:
    target = target_uri("http", "example.com", None, f"/{path}?{query}")
    assert isinstance(target, TargetUri)
    assert not {".", ".."} & set(target.path.split("/"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("example.com", ("example.com", None)),
        ("example.com:8080", ("example.com", 8080)),
        ("example.com:", ("example.com", None)),
        ("[::1]:443", ("[::1]", 443)),
        ("::1:443", None),
        (":80", None),
        ("", None),
        ("example.com:http", None),
    ],
)
def test_authority(text: str, parts: tuple[str, int | None] | None) -> None:
    assert parse_authority(text) == parts


def test_octets_that_are_no_utf8_stay_apart() -> None:
    spelled = {
        str(parse_target_uri(f"http://example.com/{octet.decode('utf-8', 'surrogateescape')}"))
        for octet in (b"\xe8", b"\xe9")
    }
    assert spelled == {"http://example.com/%E8", "http://example.com/%E9"}


@pytest.mark.parametrize(
    ("reference", "names"),
    [  # RFC 3986 §5.4 where the target URI can say it, and some more.
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y#s", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        (";x", "http://a/b/c/;x"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("HTTPS://A:443/%67?", "https://a/g?"),
        ("?", "http://a/b/c/d;p?"),
        (" g\t", "http://a/b/c/g"),
    ],
)
def test_a_reference_names_a_target_rfc_3986_5_4(reference: str, names: str) -> None:
    assert str(resolved(BASE, reference.encode())) == names


@pytest.mark.parametrize("reference", ["g:h", "http:g", "http://[/", "//", "a b", "//g:99999/"])
def test_a_reference_that_names_none(reference: str) -> None:
    assert isinstance(resolved(BASE, reference.encode()), Malformed)
