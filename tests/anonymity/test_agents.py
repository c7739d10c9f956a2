import pytest

from forward_proxy.anonymity.agents import Agent, Family, agent_of, common, reduced

CHROMIUM_TAIL = b"AppleWebKit/537.36 (KHTML, like Gecko) "
WINDOWS_CHROME = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + CHROMIUM_TAIL + b"Chrome/140.0.0.0 Safari/537.36"
PHONE_CHROME = b"Mozilla/5.0 (Linux; Android 10; K) " + CHROMIUM_TAIL + b"Chrome/140.0.0.0 Mobile Safari/537.36"
IPHONE = b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "

CURRENT_BROWSERS = (
    WINDOWS_CHROME,
    PHONE_CHROME,
    WINDOWS_CHROME + b" Edg/140.0.0.0",
    b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + CHROMIUM_TAIL + b"Chrome/140.0.0.0 Safari/537.36",
    b"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + CHROMIUM_TAIL + b"Chrome/140.0.0.0 Safari/537.36",
    b"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    b"Version/26.0 Safari/605.1.15",
    IPHONE + b"Version/17.5 Mobile/15E148 Safari/604.1",
)
NO_BROWSERS = (
    b"curl/8.5.0",
    b"git/2.47.1",
    b'pip/24.0 {"ci":null,"cpu":"x86_64","distro":{"name":"Debian"}}',
    b"python-requests/2.32.3",
    b"Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.41.98 Chrome/130.0.6723.59 "
    b"Electron/33.0.1 Safari/537.36",
    b"",
    b"\xff\x00garbage",
    b"Mozilla/5.0 (" + b"(" * 5000,
)


@pytest.mark.parametrize("value", CURRENT_BROWSERS + NO_BROWSERS)
def test_reduction_changes_nothing_that_a_current_browser_or_another_program_sends(value: bytes) -> None:
    assert reduced(value) == value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"(Windows NT 6.1; WOW64) " + CHROMIUM_TAIL + b"Chrome/109.0.5414.120 Safari/537.36",
            b"(Windows NT 10.0; Win64; x64) " + CHROMIUM_TAIL + b"Chrome/109.0.0.0 Safari/537.36",
        ),
        (
            b"(Macintosh; Intel Mac OS X 13_2_1) "
            + CHROMIUM_TAIL
            + b"Chrome/99.0.4844.51 Safari/537.36 Edg/99.0.1150.36",
            b"(Macintosh; Intel Mac OS X 10_15_7) " + CHROMIUM_TAIL + b"Chrome/99.0.0.0 Safari/537.36 Edg/99.0.0.0",
        ),
        (
            b"(Linux; Android 13; Pixel 7 Build/TQ3A.230805.001; wv) "
            + CHROMIUM_TAIL
            + b"Version/4.0 Chrome/116.0.5845.163 Mobile Safari/537.36",
            b"(Linux; Android 10; K; wv) " + CHROMIUM_TAIL + b"Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36",
        ),
        (
            b"(Linux; Android 9; SM-T590 (32GB)) " + CHROMIUM_TAIL + b"Chrome/90.0.4430.91 Safari/537.36",
            b"(Linux; Android 10; K) " + CHROMIUM_TAIL + b"Chrome/90.0.0.0 Safari/537.36",
        ),
        (
            b"(Web0S; Linux/SmartTV) " + CHROMIUM_TAIL + b"Chrome/79.0.3945.79 Safari/537.36",
            b"(Web0S; Linux/SmartTV) " + CHROMIUM_TAIL + b"Chrome/79.0.0.0 Safari/537.36",
        ),
    ],
)
def test_reduction_does_to_an_older_chromium_what_a_current_one_does_to_itself(before: bytes, after: bytes) -> None:
    assert reduced(b"Mozilla/5.0 " + before) == b"Mozilla/5.0 " + after


@pytest.mark.parametrize(
    ("value", "agent"),
    [
        (WINDOWS_CHROME, Agent(Family.CHROMIUM, 140)),
        (PHONE_CHROME, Agent(Family.CHROMIUM, 140, phone=True)),
        (WINDOWS_CHROME.replace(b"Chrome", b"HeadlessChrome"), Agent(Family.CHROMIUM, 140)),
        (IPHONE + b"CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1", Agent(Family.WEBKIT, 17, phone=True)),
        (b"Mozilla/5.0 (Android 14; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", Agent(Family.FIREFOX, 144, True)),
        (b"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.5.0", Agent(Family.OTHER)),
    ],
)
def test_the_engine_counts_and_not_the_brand(value: bytes, agent: Agent) -> None:
    assert agent_of(value) == agent


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            b"Mozilla/5.0 (X11; Linux x86_64) " + CHROMIUM_TAIL + b"Chrome/140.0.7339.80 Safari/537.36 OPR/124.0.0.0",
            WINDOWS_CHROME,
        ),
        (
            b"Mozilla/5.0 (Linux; Android 14; SM-S918B) " + CHROMIUM_TAIL + b"SamsungBrowser/28.0 "
            b"Chrome/140.0.0.0 Mobile Safari/537.36",
            PHONE_CHROME,
        ),
        (
            b"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
            b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
        ),
        (
            b"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
            b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Gecko/20100101 Firefox/115.0",
        ),
        (
            b"Mozilla/5.0 (Android 14; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
            b"Mozilla/5.0 (Android 10; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
        ),
        (
            IPHONE + b"FxiOS/133.0 Mobile/15E148 Safari/605.1.15",
            b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            b"Version/17.0 Mobile/15E148 Safari/604.1",
        ),
        (
            IPHONE.replace(b"17_5_1", b"18_7") + b"Version/26.1 Mobile/15E148 Safari/604.1",
            b"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            b"Version/26.0 Mobile/15E148 Safari/604.1",
        ),
        (b'pip/24.0 {"ci":null,"cpu":"x86_64"}', b"pip/24.0"),
        (b"git/2.39.2 (Apple Git-143)", b"git/2.39.2"),
        (b"Mozilla/5.0 (PlayStation 5/SmartTV)", b"Mozilla/5.0"),
        (b"\xff\x00garbage", None),
        (b"x" * 5000, None),
        (b"", None),
    ],
)
def test_one_value_for_each_engine_major_version_and_form(value: bytes, expected: bytes | None) -> None:
    assert common(value) == expected
    assert expected is None or common(expected) == expected
