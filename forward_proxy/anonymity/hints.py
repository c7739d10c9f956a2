"""User-Agent and the client hints, which never contradict each other.  RFC 8942, W3C User-Agent Client Hints.

Only Chromium sends hints, so beside another User-Agent they are a contradiction and go.  Where `strict` changes the
User-Agent, the three low-entropy hints change with it: the brand list is the one that Chrome of that major version
sends, whose order, stray brand and stray version Chromium derives from the major version alone.
"""

from forward_proxy.anonymity.agents import Family, common, reduced
from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.treatment import Lines

_STRAY_CHARACTERS = " (:-./);=?_"
_STRAY_VERSIONS = (8, 99, 24)
# Where the stray brand, Chromium and Google Chrome stand, in the order of the major version modulo six.
_PLACES = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def reduced_agent(_: Exchange, lines: Lines) -> Lines:
    return tuple(map(reduced, lines))


def common_agent(_: Exchange, lines: Lines) -> Lines:
    value = common(lines[0]) if lines else None
    return () if value is None else (value,)


def chromium_only(exchange: Exchange, lines: Lines) -> Lines:
    return lines if exchange.agent.family is Family.CHROMIUM else ()


def common_brands(exchange: Exchange, _: Lines) -> Lines:
    agent = exchange.agent
    return (brands(agent.major),) if agent.family is Family.CHROMIUM else ()


def common_mobile(exchange: Exchange, _: Lines) -> Lines:
    agent = exchange.agent
    return (b"?1" if agent.phone else b"?0",) if agent.family is Family.CHROMIUM else ()


def common_platform(exchange: Exchange, _: Lines) -> Lines:
    agent = exchange.agent
    return (b'"Android"' if agent.phone else b'"Windows"',) if agent.family is Family.CHROMIUM else ()


def brands(major: int) -> bytes:
    """The Sec-CH-UA of Google Chrome with this major version."""
    first, second = (_STRAY_CHARACTERS[(major + step) % len(_STRAY_CHARACTERS)] for step in (0, 1))
    entries = (
        (f"Not{first}A{second}Brand", _STRAY_VERSIONS[major % len(_STRAY_VERSIONS)]),
        ("Chromium", major),
        ("Google Chrome", major),
    )
    placed = sorted(zip(_PLACES[major % len(_PLACES)], entries, strict=True))
    return ", ".join(f'"{brand}";v="{version}"' for _, (brand, version) in placed).encode()
