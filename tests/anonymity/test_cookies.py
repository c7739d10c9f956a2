import pytest

from forward_proxy.anonymity import Level, response_edits
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import ResponseHead
from tests.anonymity.exchanges import delivered, request, sent, subject

PIXEL = "Sec-Fetch-Dest: image\nSec-Fetch-Mode: no-cors\nSec-Fetch-Site: cross-site"
FRAME = "Sec-Fetch-Dest: iframe\nSec-Fetch-Mode: navigate\nSec-Fetch-Site: cross-site"


@pytest.mark.parametrize(
    ("level", "fields", "passes"),
    [
        (Level.OFF, PIXEL, True),
        (Level.STANDARD, PIXEL, False),
        (Level.STRICT, PIXEL, False),
        (Level.STANDARD, FRAME, True),
        (Level.STRICT, FRAME, False),
    ],
)
def test_whose_cookies_go_out(level: Level, fields: str, passes: bool) -> None:
    assert (b"cookie" in sent(level, f"{fields}\nCookie: id=1", third_party=True)) is passes


@pytest.mark.parametrize("level", list(Level))
def test_a_first_party_keeps_its_cookies_at_every_level(level: Level) -> None:
    assert b"cookie" in sent(level, f"{PIXEL}\nCookie: id=1", "image", third_party=False)
    assert b"set-cookie" in delivered(level, "Set-Cookie: id=1", "image", third_party=False)


@pytest.mark.parametrize(
    ("line", "at_standard", "at_strict"),
    [
        ("id=1", False, False),
        ("id=1; Secure; SameSite=None; Max-Age=31536000", False, False),
        ("__Host-id=1; Secure; Path=/; SameSite=None; Partitioned", True, False),
        ("partitioned=1", False, False),
        ("id=; Max-Age=0", True, True),
        ("id=; max-age = -1 ; Path=/", True, True),
        ("id=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True, True),
        ("id=; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/", True, True),
        # Max-Age wins over Expires (RFC 6265 §5.3), the last that can be read over those before it.
        ("id=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", False, False),
        ("id=1; Max-Age=0; Max-Age=60", False, False),
        ("id=1; Max-Age=0; Max-Age=sixty", False, False),
        ("id=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Fri, 1 Jan 2099 00:00 GMT", False, False),
        ("id=1; Expires=Fri, 01 Jan 2099 00:00:00 GMT", False, False),
        ("id=1; Expires=0", False, False),
        # Attributes that a browser would not read, or not as far.
        (f"id=1; Max-Age={'0' * 1025}", False, False),
        ("id=1\x00; Max-Age=0", False, False),
        ("id=1\x0c; Partitioned", False, False),
        ("", False, False),
    ],
)
def test_a_line_that_can_link_nobody_passes(line: str, at_standard: bool, at_strict: bool) -> None:
    for level, passes in ((Level.STANDARD, at_standard), (Level.STRICT, at_strict)):
        fields = delivered_line(level, line)
        assert (fields == (line.encode("latin-1"),)) is passes
        assert passes or fields == ()


def delivered_line(level: Level, line: str) -> tuple[bytes, ...]:
    """The line as built from bytes, since a field section written as text would lose its control characters."""
    head = request()
    response = ResponseHead(200, FieldSection([(b"set-cookie", line.encode("latin-1"))]))
    edits = response_edits(level, head, response, subject(head, "image", third_party=True))
    return response.fields.edited(edits).get_all(b"set-cookie")


def test_the_lines_that_pass_stay_lines_of_their_own_in_order() -> None:
    fields = delivered(
        Level.STANDARD,
        """
        Set-Cookie: a=; Max-Age=0
        Set-Cookie: tracker=1; Secure
        Set-Cookie: b=2; Secure; Partitioned
        """,
        "image",
        third_party=True,
    )
    assert fields.get_all(b"set-cookie") == (b"a=; Max-Age=0", b"b=2; Secure; Partitioned")
