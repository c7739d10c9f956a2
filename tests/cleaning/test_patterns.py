"""A pattern answers as its expression does, and is told by the host where that can be."""

import re

import pytest

from forward_proxy.cleaning.patterns import Url, compile_pattern
from forward_proxy.matching.subjects import subject_of
from tests.cleaning.lists import ANY_HOST_OF, head

LABELS: dict[str, set[str] | None] = {
    rf"{ANY_HOST_OF}amazon(?:\.[a-z]{{2,}}){{1,}}": {"amazon"},
    rf"{ANY_HOST_OF}fls-na\.amazon(?:\.[a-z]{{2,}}){{1,}}": {"fls-na"},
    rf"{ANY_HOST_OF}(youtube\.com|youtu\.be)": {"youtube", "youtu"},
    rf"{ANY_HOST_OF}(?:yandex(?:\.[a-z]{{2,}}){{1,}}|ya\.ru)": {"yandex", "ya"},
    rf"{ANY_HOST_OF}x.com": {"x"},
    r"^https?:\/\/vk\.com\/away": {"vk"},
    r"^https?://vk\.com/": {"vk"},
    rf"{ANY_HOST_OF}mercadoli[bv]re\.com": None,
    r"^https?:\/\/(?:support\.)?mozilla\.org": None,
    r"^https?:\/\/[^/]+\/refs\/": None,
    r"https?:\/\/outgoing\.example\/": {"outgoing"},
    r"^https?:\/\/a\.example|^https?:\/\/b\.example": None,
    rf"{ANY_HOST_OF}shop": None,
    ".*": None,
}
URLS = (
    "https://www.amazon.de/dp", "https://amazon.co.uk/", "https://fls-na.amazon.com/x", "https://youtu.be/1",
    "https://m.youtube.com/watch?v=1", "https://yandex.ru/", "https://ya.ru/", "https://x.com/i", "https://vk.com/away",
    "https://mercadolivre.com/", "https://support.mozilla.org/", "https://a.example/refs/", "https://shop.example/",
    "https://outgoing.example/v1", "https://b.example/", "https://notamazon.de/", "https://nothing.example/X.COM",
)  # fmt: skip


@pytest.mark.parametrize(("text", "labels"), LABELS.items())
def test_expressions_are_told_by_labels(text: str, labels: set[str] | None) -> None:
    pattern, _ = compile_pattern(text, 100_000)
    assert pattern.labels == (None if labels is None else frozenset(labels))


@pytest.mark.parametrize("text", LABELS)
@pytest.mark.parametrize("url", URLS)
def test_patterns_hold_where_their_expressions_do(text: str, url: str) -> None:
    pattern, _ = compile_pattern(text, 100_000)
    assert pattern.holds(Url.of(subject_of(head(url), None, 0))) == bool(re.search(text, url, re.IGNORECASE))
