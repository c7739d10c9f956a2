import pytest

from forward_proxy.anonymity import Level
from forward_proxy.anonymity.hints import brands
from tests.anonymity.exchanges import CHROME, FIREFOX, sent

LOW_HINTS = """
    Sec-CH-UA: "Chromium";v="140", "Not=A?Brand";v="24", "Brave";v="140"
    Sec-CH-UA-Mobile: ?0
    Sec-CH-UA-Platform: "Linux"
"""
HIGH_HINTS = """
    Sec-CH-UA-Full-Version-List: "Chromium";v="140.0.7339.80"
    Sec-CH-UA-Platform-Version: "6.8.0"
    Sec-CH-UA-Arch: "x86"
    Sec-CH-UA-Bitness: "64"
    Sec-CH-UA-Model: ""
    Sec-CH-UA-WoW64: ?0
    Sec-CH-UA-Form-Factors: "Desktop"
    Sec-CH-Prefers-Color-Scheme: dark
    Sec-CH-Anything-New: 1
    Device-Memory: 8
    DPR: 2
    Viewport-Width: 1536
    Width: 640
    Downlink: 10
    ECT: 4g
    RTT: 50
"""


# As the browsers of these versions sent them.
@pytest.mark.parametrize(
    ("major", "value"),
    [
        (120, b'"Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120"'),
        (124, b'"Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"'),
        (131, b'"Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24"'),
        (140, b'"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'),
        (143, b'"Google Chrome";v="143", "Chromium";v="143", "Not A(Brand";v="24"'),
    ],
)
def test_the_brand_list_is_the_one_chrome_of_that_version_sends(major: int, value: bytes) -> None:
    assert brands(major) == value


@pytest.mark.parametrize("level", [Level.STANDARD, Level.STRICT])
def test_every_high_entropy_hint_goes_also_one_not_yet_invented(level: Level) -> None:
    assert sent(level, f"User-Agent: {CHROME}\n{HIGH_HINTS}").names() == {b"user-agent", b"sec-gpc"}


def test_standard_keeps_what_a_chromium_says_of_itself_anyway() -> None:
    fields = sent(Level.STANDARD, f"User-Agent: {CHROME}\n{LOW_HINTS}")
    assert fields.text(b"user-agent") == CHROME
    assert fields.get(b"sec-ch-ua-platform") == b'"Linux"'
    assert b"Brave" in (fields.get(b"sec-ch-ua") or b"")


def test_strict_says_the_same_in_all_four_fields() -> None:
    fields = sent(Level.STRICT, f"User-Agent: {CHROME}\n{LOW_HINTS}")
    assert b"(Windows NT 10.0; Win64; x64)" in (fields.get(b"user-agent") or b"")
    assert fields.get(b"sec-ch-ua") == brands(140)
    assert fields.get(b"sec-ch-ua-mobile") == b"?0"
    assert fields.get(b"sec-ch-ua-platform") == b'"Windows"'


def test_strict_leaves_a_phone_a_phone() -> None:
    phone = CHROME.replace("X11; Linux x86_64", "Linux; Android 14; Pixel 8").replace(" Safari", " Mobile Safari")
    fields = sent(Level.STRICT, f"User-Agent: {phone}\n{LOW_HINTS}")
    assert b"(Linux; Android 10; K)" in (fields.get(b"user-agent") or b"")
    assert fields.get(b"sec-ch-ua-mobile") == b"?1"
    assert fields.get(b"sec-ch-ua-platform") == b'"Android"'


@pytest.mark.parametrize("level", [Level.STANDARD, Level.STRICT])
@pytest.mark.parametrize("agent", [f"User-Agent: {FIREFOX}", "User-Agent: curl/8.5.0", ""])
def test_hints_beside_another_user_agent_are_a_contradiction_and_go(level: Level, agent: str) -> None:
    assert not any(name.startswith(b"sec-ch-") for name in sent(level, agent + LOW_HINTS).names())


def test_hints_are_never_added_where_the_browser_sent_none() -> None:
    assert sent(Level.STRICT, f"User-Agent: {CHROME}").names() == {b"user-agent", b"sec-gpc"}


def test_two_user_agent_lines_become_one_at_strict_that_the_hints_agree_with() -> None:
    fields = sent(Level.STRICT, f"User-Agent: {CHROME}\nUser-Agent: x Electron/1\n{LOW_HINTS}")
    assert len(fields.get_all(b"user-agent")) == 1
    assert fields.get(b"sec-ch-ua") == brands(140)
