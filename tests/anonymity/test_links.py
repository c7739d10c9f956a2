import pytest

from forward_proxy.anonymity.links import without_speculation
from tests.anonymity.exchanges import exchange


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<https://cdn.example>; rel=preconnect, </a.css>; rel=preload; as=style", b"</a.css>; rel=preload; as=style"),
        (b'</a,b>; rel="next", <//x.example>; REL = "DNS-Prefetch"', b'</a,b>; rel="next"'),
        (b'</p>; rel=prefetch, </q>; rel="prerender", </r>; rel=canonical', b"</r>; rel=canonical"),
        (b'</a>; title="one, two; three"; rel=next, <//x>; rel=preconnect', b'</a>; title="one, two; three"; rel=next'),
        (b'</a>; rel="preload  preconnect"', None),
        (b"<https://cdn.example>;rel=preconnect;crossorigin", None),
    ],
)
def test_values_that_reach_ahead_go_and_the_others_stay(before: bytes, after: bytes | None) -> None:
    assert without_speculation(exchange(), (before,)) == (() if after is None else (after,))


@pytest.mark.parametrize(
    "line",
    [
        b"</feed>; rel=alternate; type=application/atom+xml ,  </next?rel=preconnect>; rel=next",
        b'<https://api.example/?page=2>; rel="next"',
        b"</preconnect>; rel=preload",
        b'<unclosed; rel=preload, "',
        b"\xff\xfe,,,;",
    ],
)
def test_a_line_without_such_a_value_stays_byte_for_byte(line: bytes) -> None:
    assert without_speculation(exchange(), (line,)) == (line,)


@pytest.mark.parametrize("line", [b"<" * 60_000, b'"' * 60_000, b'"' + b'\\"' * 30_000, b",;rel" * 12_000])
def test_a_hostile_line_is_read_once(line: bytes) -> None:
    assert without_speculation(exchange(), (line,)) == (line,)
