import pytest

from forward_proxy.explaining.respelling import respelled
from forward_proxy.message.targets import TargetUri, parse_target_uri


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("http://example.com", ()),
        ("https://example.com/a?b", ()),
        ("http://[::1]:8080/", ()),
        ("HTTP://example.com/", ("scheme HTTP is http",)),
        ("http://example.com:80/", ("port 80 is left out",)),
        ("http://example.com:/", ("port (empty) is left out",)),
        ("http://example.com:08080/", ("port 08080 is 8080",)),
        ("http://EXAMPLE.com./", ("host EXAMPLE.com. is example.com",)),
        ("http://0x7f.1/", ("host 0x7f.1 is 127.0.0.1",)),
        ("http://bücher.example/", ("host bücher.example is xn--bcher-kva.example",)),
        ("http://[::ffff:7f00:1]/", ("host [::ffff:7f00:1] is 127.0.0.1",)),
        ("http://example.com/a/../%62?%7e#f", (
            "path /a/../%62 is /b", "query %7e is ~", "fragment is left out",
        )),
    ],
)  # fmt: skip
def test_each_part_that_is_written_otherwise_is_told(text: str, phrases: tuple[str, ...]) -> None:
    target = parse_target_uri(text)
    assert isinstance(target, TargetUri)
    assert respelled(text, target) == phrases


def test_a_password_is_not_repeated() -> None:
    text = "http://me:p@ss@example.com/"
    target = parse_target_uri(text)
    assert isinstance(target, TargetUri)
    assert respelled(text, target) == ("user name and password are left out",)
