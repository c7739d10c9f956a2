import pytest

from forward_proxy.anonymity.languages import english, first_languages
from tests.anonymity.exchanges import CHROME, FIREFOX, exchange


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7,fr;q=0.6,it;q=0.5", b"de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7"),
        (b"en-GB,en-US;q=0.9,en;q=0.8", b"en-GB,en;q=0.9"),
        (b"en-US, en, nb;q=0.8, no;q=0.8, da;q=0.6, sv;q=0.5", b"en-US,en;q=0.9,nb;q=0.8"),
        (b"fr;q=0.2, sr-Latn;q=0.9, pl", b"pl,sr-Latn;q=0.9"),
        (b"en, fr;q=0, *;q=0.1", b"en"),
        (b"en;q=1,\xff\xfe,de;q=0.5,,tlh", b"en,tlh;q=0.9"),
        (b",".join(b"x-%d" % n for n in range(3000)), b"x-0"),
    ],
)
def test_the_first_two_languages_each_with_its_bare_range(before: bytes, after: bytes) -> None:
    assert first_languages(exchange(), (before,)) == (after,)
    assert first_languages(exchange(), (after,)) == (after,)


@pytest.mark.parametrize(
    "value",
    [
        b"en-US,en;q=0.5",
        b"de,en-US;q=0.7,en;q=0.3",
        b"ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7",
        b"fr",
        b"*",
        b"en_US",
        b"",
        b"en;q=2.5",
    ],
)
def test_what_tells_no_more_than_two_languages_or_cannot_be_read_passes_as_it_is(value: bytes) -> None:
    assert first_languages(exchange(), (value,)) == (value,)


@pytest.mark.parametrize(
    ("agent", "value"),
    [
        (CHROME, b"en-US,en;q=0.9"),
        (FIREFOX, b"en-US,en;q=0.5"),
        (FIREFOX.replace("144", "147"), b"en-US,en;q=0.9"),
        ("curl/8.5.0", b"en-US,en;q=0.9"),
    ],
)
def test_strict_weighs_english_as_that_browser_does(agent: str, value: bytes) -> None:
    assert english(exchange(f"User-Agent: {agent}"), (b"tlh",)) == (value,)
