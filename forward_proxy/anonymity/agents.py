"""What does User-Agent say, and what does it say at each level?  RFC 9110 §10.1.5.

Browsers have shortened the field themselves: Chromium writes `Chrome/N.0.0.0` and one constant per platform, WebKit
froze the version of macOS and since 26 that of iOS, Firefox names no minor version.  `reduced` does to an older
Chromium what a current one does to itself, so that with a current browser it changes nothing and JavaScript sees no
contradiction.  `common` gives all browsers of one family, major version and form (desktop or phone) the same value.
Programs that are not browsers are told apart by servers for good reason: `reduced` leaves them alone.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_LONGEST_BYTES = 1024  # A longer value is no browser's; it is not worth a place in a cache either.

_CHROMIUM = re.compile(rb"(Mozilla/5\.0 \()(.*?)(\) AppleWebKit/537\.36 \(KHTML, like Gecko\) )(.*)")
_CHROME = re.compile(rb"(?:^| )(?:Headless)?Chrome/(\d{1,4})\b")
_CHROMIUM_VERSION = re.compile(rb"\b((?:Headless)?Chrome|Edg|EdgA|OPR)/(\d{1,4})(?:\.\d+){1,3}(?![.\d])")
_FIREFOX = re.compile(rb"Mozilla/5\.0 \((.*?); rv:[\d.]+\) Gecko/\S+ (?:\S+ )?Firefox/(\d{1,4})\b")
_WEBKIT = re.compile(rb"Mozilla/5\.0 \((.*?)\) AppleWebKit/6\d\d[\d.]* \(KHTML, like Gecko\) (.*)")
_WEBKIT_VERSION = re.compile(rb"\bVersion/(\d{1,3})\b")
_IOS_VERSION = re.compile(rb"\bOS (\d{1,3})_")
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}"
_FIRST_PRODUCT = re.compile(rb"%b(?:/%b)?(?=[ \t]|$)" % (_TOKEN, _TOKEN))

# Chromium's own reduction, platform by platform; a platform that is none of these stays as it is.
_PLATFORMS = (
    (re.compile(rb"Windows NT [\d.]+(?:; (?:Win64|WOW64|x64|ARM64))*"), b"Windows NT 10.0; Win64; x64"),
    (re.compile(rb"Macintosh; Intel Mac OS X [\d_.]+"), b"Macintosh; Intel Mac OS X 10_15_7"),
    (re.compile(rb"X11; (?:\w+; )?Linux \w+"), b"X11; Linux x86_64"),
    (re.compile(rb"X11; CrOS \w+ [\d.]+"), b"X11; CrOS x86_64 14541.0.0"),
    (re.compile(rb"Linux; (?:U; )?Android [^;]+; .*; wv"), b"Linux; Android 10; K; wv"),
    (re.compile(rb"Linux; (?:U; )?Android [^;]+(?:; .*)?"), b"Linux; Android 10; K"),
)


class Family(StrEnum):
    """Whose engine it is: Chrome on iOS is WebKit, Edge is Chromium."""

    CHROMIUM = "Chromium"
    FIREFOX = "Firefox"
    WEBKIT = "WebKit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Agent:
    """A browser by family, major version (0 for no browser) and form."""

    family: Family
    major: int = 0
    phone: bool = False


_NO_BROWSER = Agent(Family.OTHER)


def agent_of(value: bytes) -> Agent:
    """The browser that a User-Agent names.  Never raises."""
    return _agent_of(value) if len(value) <= _LONGEST_BYTES else _NO_BROWSER


def reduced(value: bytes) -> bytes:
    """The value as a current browser of the same family would write it; unchanged when it is no Chromium's."""
    return _reduced(value) if agent_of(value).family is Family.CHROMIUM else value


def common(value: bytes) -> bytes | None:
    """The one value of this family, major version and form; for another program its first product, None without one."""
    agent = agent_of(value)
    match agent.family:
        case Family.CHROMIUM:
            platform, form = (b"Linux; Android 10; K", b"Mobile ") if agent.phone else (_PLATFORMS[0][1], b"")
            tail = b"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 %bSafari/537.36" % (agent.major, form)
            return b"Mozilla/5.0 (%b) %b" % (platform, tail)
        case Family.FIREFOX:
            return _common_firefox(agent)
        case Family.WEBKIT:
            return _common_webkit(agent)
        case Family.OTHER:
            product = _FIRST_PRODUCT.match(value)
            return product[0] if product else None


@lru_cache(maxsize=512)
def _agent_of(value: bytes) -> Agent:
    if b"Electron/" in value:
        return _NO_BROWSER  # An application that its own servers know by this field.
    if (match := _CHROMIUM.fullmatch(value)) and (chrome := _CHROME.search(match[4])):
        return Agent(Family.CHROMIUM, int(chrome[1]), phone=b" Mobile" in match[4])
    if match := _FIREFOX.match(value):
        return Agent(Family.FIREFOX, int(match[2]), phone=b"Mobile" in match[1])
    if match := _WEBKIT.fullmatch(value):
        version = _WEBKIT_VERSION.search(match[2]) or _IOS_VERSION.search(match[1])
        if version:
            return Agent(Family.WEBKIT, int(version[1]), phone=match[1].startswith((b"iPhone", b"iPod")))
    return _NO_BROWSER


@lru_cache(maxsize=512)
def _reduced(value: bytes) -> bytes:
    if (match := _CHROMIUM.fullmatch(value)) is None:
        return value
    opening, platform, engine, products = match.groups()
    return opening + _frozen(platform) + engine + _CHROMIUM_VERSION.sub(rb"\1/\2.0.0.0", products)


def _frozen(platform: bytes) -> bytes:
    return next((constant for pattern, constant in _PLATFORMS if pattern.fullmatch(platform)), platform)


def _common_firefox(agent: Agent) -> bytes:
    # From 110 to 119 Firefox said rv:109.0, because servers took rv:11 for an Internet Explorer.
    revision = 109 if 110 <= agent.major <= 119 else agent.major
    if agent.phone:
        return b"Mozilla/5.0 (Android 10; Mobile; rv:%d.0) Gecko/%d.0 Firefox/%d.0" % (revision, revision, agent.major)
    return b"Mozilla/5.0 (%b; rv:%d.0) Gecko/20100101 Firefox/%d.0" % (_PLATFORMS[0][1], revision, agent.major)


def _common_webkit(agent: Agent) -> bytes:
    if not agent.phone:
        platform, form, build = _PLATFORMS[1][1], b"", b"605.1.15"
    else:
        system = b"18_6" if agent.major >= 26 else b"%d_0" % agent.major
        platform, form, build = b"iPhone; CPU iPhone OS %b like Mac OS X" % system, b"Mobile/15E148 ", b"604.1"
    tail = b"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%d.0 %bSafari/%b" % (agent.major, form, build)
    return b"Mozilla/5.0 (%b) %b" % (platform, tail)
