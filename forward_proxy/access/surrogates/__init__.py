"""What is put in place of what a list blocks, so that the page that asked goes on: `redirect` of adblock filters.

The files beside this one are ours, a few lines each: an empty script, a transparent pixel, a second of black, and for
some well-known scripts the functions that pages call, which do nothing but call back those that wait.  They are part of
the program, read once with it; nothing of a request or a list is ever put into them.

Names are those of uBlock Origin and AdGuard, and behind `abp-resource:` those of Adblock Plus.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

EMPTY = "empty"  # Nothing, of the type that was asked for.
NONE = "none"  # uBlock's old word for: nothing is put in place.

_TYPES = {
    "css": b"text/css; charset=utf-8",
    "gif": b"image/gif",
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "json": b"application/json",
    "mp3": b"audio/mpeg",
    "mp4": b"video/mp4",
    "png": b"image/png",
    "txt": b"text/plain; charset=utf-8",
    "xml": b"text/xml; charset=utf-8",
}
# Each file, and what lists call it besides.
_NAMES: dict[str, tuple[str, ...]] = {
    "1x1.gif": ("1x1-transparent.gif", "1x1-transparent-gif"),
    "2x2.png": ("2x2-transparent.png", "2x2-transparent-png"),
    "3x2.png": ("3x2-transparent.png", "3x2-transparent-png"),
    "32x32.png": ("32x32-transparent.png", "32x32-transparent-png"),
    "noop.css": ("noopcss", "blank-css"),
    "noop.html": ("noopframe", "blank-html"),
    "noop.js": ("noopjs", "blank-js", "google-analytics_inpage_linkid.js", "google-analytics.com/inpage_linkid.js"),
    "noop.json": ("noopjson",),
    "noop.txt": ("nooptext", "blank-text"),
    "noop-0.1s.mp3": ("noopmp3-0.1s", "blank-mp3"),
    "noop-0.5s.mp3": ("noopmp3-0.5s",),
    "noop-1s.mp4": ("noopmp4-1s", "blank-mp4"),
    "noop-vast2.xml": ("noopvast-2.0",),
    "noop-vast3.xml": ("noopvast-3.0",),
    "noop-vast4.xml": ("noopvast-4.0",),
    "noop-vmap1.0.xml": ("noopvmap-1.0",),
    "addthis_widget.js": ("addthis.com/addthis_widget.js",),
    "amazon_ads.js": ("amazon-adsystem.com/aax2/amzn_ads.js",),
    "amazon_apstag.js": ("amazon-apstag",),
    "chartbeat.js": ("static.chartbeat.com/chartbeat.js",),
    "doubleclick_instream_ad_status.js": ("doubleclick.net/instream/ad_status.js",),
    "fbevents.js": ("connect.facebook.net/fbevents.js",),
    "fingerprint2.js": ("fingerprintjs2",),
    "fingerprint3.js": ("fingerprintjs3",),
    "google-analytics_analytics.js": (
        *("google-analytics.com/analytics.js", "google-analytics", "googletagmanager_gtm.js"),
        *("googletagmanager.com/gtm.js", "googletagmanager-gtm"),
    ),
    "google-analytics_cx_api.js": ("google-analytics.com/cx/api.js",),
    "google-analytics_ga.js": ("google-analytics.com/ga.js", "google-analytics-ga"),
    "googlesyndication_adsbygoogle.js": ("googlesyndication.com/adsbygoogle.js", "googlesyndication-adsbygoogle"),
    "googletagservices_gpt.js": ("googletagservices.com/gpt.js", "googletagservices-gpt"),
    "mxpnl_mixpanel.js": (),
    "prebid-ads.js": (),
    "scorecardresearch_beacon.js": ("scorecardresearch.com/beacon.js", "scorecardresearch-beacon"),
}


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What stands in for a response."""

    name: str
    content_type: bytes
    content: bytes


def _read(name: str) -> Surrogate:
    return Surrogate(name, _TYPES[name.rpartition(".")[2]], Path(__file__).with_name(name).read_bytes())


_SURROGATES: Mapping[str, Surrogate] = MappingProxyType({name: _read(name) for name in _NAMES})
_CANONICAL = {alias: name for name, aliases in _NAMES.items() for alias in (name, *aliases)}
_CANONICAL |= {EMPTY: EMPTY, NONE: NONE}


def names() -> tuple[str, ...]:
    """The names of those that have content."""
    return tuple(_SURROGATES)


def canonical_name(name: str) -> str | None:
    """The one name of the surrogate that lists call so; None when there is none."""
    return _CANONICAL.get(name.removeprefix("abp-resource:"))


def surrogate(name: str) -> Surrogate | None:
    """By its canonical name; None for `empty`, whose type is that of the request."""
    return _SURROGATES.get(name)
