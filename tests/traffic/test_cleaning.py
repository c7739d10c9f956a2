import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.traffic.cleaning import TARGET_CHARACTERS, clean, shorten_target
from forward_proxy.traffic.record import Record

from .examples import EXAMPLE, example


def test_a_clean_record_is_kept_as_it_is() -> None:
    assert clean(EXAMPLE, log_secrets=False) is EXAMPLE


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"target": "https://joe:pw@a.example/?token=t1#x"}, {"target": "https://***@a.example/?token=***#***"}),
        ({"reason": "see http://joe:pw@a.example/"}, {"reason": "see http://***@a.example/"}),
        ({"error_detail": "sent to /?x&key=t1 \x1b[2J"}, {"error_detail": "sent to /?x&key=*** \\x1b[2J"}),
        ({"content_type": "Text/HTML; charset=utf-8"}, {"content_type": "text/html"}),
        ({"method": "GET\x1b[2J"}, {"method": "GET\\x1b[2J"}),
        ({"host": "\u202eelpmaxe"}, {"host": "\\u202eelpmaxe"}),
        ({"rule_id": "a\nb"}, {"rule_id": "a\\x0ab"}),
        ({"changed_request_fields": ("x\x07",)}, {"changed_request_fields": ("x\\x07",)}),
        ({"client": "x" * 5000}, {"client": "x" * 300}),
        ({"reason": "x" * 5000}, {"reason": "x" * 1000}),
        ({"changed_response_fields": ("a",) * 5000}, {"changed_response_fields": ("a",) * 100}),
    ],
)
def test_what_may_not_be_kept(changes: dict[str, object], kept: dict[str, object]) -> None:
    assert clean(example(**changes), log_secrets=False) == example(**kept)


def test_secrets_stay_when_they_are_wanted_but_controls_never() -> None:
    record = example(target="https://joe:pw@a.example/?token=t1\x1b", reason="key=t1")
    assert clean(record, log_secrets=True) == example(target="https://joe:pw@a.example/?token=t1\\x1b", reason="key=t1")


@pytest.mark.parametrize("padding", range(0, 60, 7))
def test_a_cut_leaves_no_half_of_a_secret(padding: int) -> None:
    token = "A1b2C3d4E5" * 6
    path = "/x" * ((TARGET_CHARACTERS - padding) // 2)
    kept = clean(example(target=f"{path}?v={token}&{path}"), log_secrets=False).target
    assert len(kept) <= TARGET_CHARACTERS
    assert "A1b" not in kept


def test_a_long_target_without_any_end_to_a_part_is_all_one_secret() -> None:
    assert shorten_target("x" * 100_000) == "…"


TEXTS = st.text(max_size=40) | st.text(st.characters(exclude_categories=[]), max_size=400)


RECORDS = st.builds(Record, st.just(0.0), *[TEXTS] * 5, content_type=TEXTS | st.none(), reason=TEXTS, page=TEXTS)


@given(RECORDS)
def test_cleaning_holds_for_any_text(record: Record) -> None:
    kept = clean(record, log_secrets=False)
    words = (kept.client, kept.method, kept.target, kept.host, kept.outcome, kept.reason, kept.page, kept.content_type)
    assert all(word is None or word.isprintable() for word in words)
    assert clean(kept, log_secrets=False) == kept
