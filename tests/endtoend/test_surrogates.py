"""A page whose scripts, pictures and films a list blocks goes on, in Chromium: surrogates answer what it waits for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from forward_proxy.access.surrogates import names

from .browser import proxied_browser, text_of, wait_for_text
from .clients import curl, eventually, through
from .conftest import MakeProxy
from .proxy import Proxy
from .site import Service, Site

pytestmark = pytest.mark.xdist_group("browser")

LIST = "||tracker.test^\n" + "".join(f"/surrogate/{name}?$redirect-rule={name}\n" for name in names())
RULES = {"10.yaml": "rules: [{ id: ads, action: deny, list: { source: ../ads.txt, format: adblock }, reason: Ads }]\n"}
_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,"></head>
<body><p id="told">waits</p><ins class="adsbygoogle"></ins><script>
const told = [];
const tell = (text) => {{ told.push(text); document.getElementById('told').textContent = told.join(' ') + '.'; }};
window.onerror = (message) => tell('error: ' + message);
</script>{page}</body></html>"""

# What a page does before the script is there, and after.
SCRIPTS: dict[str, tuple[str, str, str]] = {
    "google-analytics_analytics.js": (
        "window.GoogleAnalyticsObject = 'ga'; window.ga = (...c) => (ga.q = ga.q || []).push(c);"
        "ga('create', 'UA-1', 'auto'); ga((tracker) => tell('ready:' + typeof tracker.get));"
        "ga('send', 'pageview', { hitCallback: () => tell('queued') });"
        "window.dataLayer = [{ event: 'x', eventCallback: () => tell('layer') }];",
        "ga('send', 'event', { hitCallback: () => tell('sent') });"
        "function gtag() { dataLayer.push(arguments); }"
        "gtag('event', 'buy', { event_callback: () => tell('gtag') });"
        "gtag('get', 'G-1', 'client_id', () => tell('got'));",
        "ready:function queued layer sent gtag got.",
    ),
    "google-analytics_ga.js": (
        "window._gaq = [['_setAccount', 'UA-1'], ['_trackPageview'], () => tell('queued')];",
        "_gaq.push(['_set', 'hitCallback', () => tell('set')]);"
        "const tracker = _gat._getTracker('UA-1'); tracker._trackEvent('a', 'b'); tell(tracker._getLinkerUrl('/x'));",
        "queued set /x.",
    ),
    "google-analytics_cx_api.js": ("", "tell('chose ' + cxApi.chooseVariation());", "chose 0."),
    "googletagservices_gpt.js": (
        "window.googletag = { cmd: [() => tell('queued')] };",
        "googletag.cmd.push(() => { const slot = googletag.defineSlot('/1/a', [1, 1], 'slot')"
        ".setTargeting('a', 'b').addService(googletag.pubads());"
        "googletag.pubads().addEventListener('slotRenderEnded', (event) => tell('empty ' + event.isEmpty));"
        "googletag.pubads().enableSingleRequest(); googletag.enableServices(); googletag.display('slot'); });",
        "queued empty true.",
    ),
    "googlesyndication_adsbygoogle.js": (
        "(window.adsbygoogle = window.adsbygoogle || []).push({});",
        "adsbygoogle.push({ adBreakDone: (info) => tell(info.breakStatus) });"
        "tell(document.querySelector('ins').dataset.adStatus);",
        "unfilled notReady.",
    ),
    "amazon_apstag.js": (
        "window.apstag = { _Q: [['f', [{}, (bids) => tell('queued ' + bids.length)]]] };",
        "apstag.init({}, () => tell('ready')); apstag.fetchBids({}, (bids) => tell('bids ' + bids.length));",
        "queued 0 ready bids 0.",
    ),
    "amazon_ads.js": ("", "amznads.getAdsCallback('1', () => tell('ads ' + amznads.hasAds()));", "ads false."),
    "chartbeat.js": ("", "pSUPERFLY.virtualPage('/x'); tell('on');", "on."),
    "fingerprint2.js": (
        "",
        "Fingerprint2.getPromise({}).then((parts) => { tell('parts ' + parts.length);"
        "new Fingerprint2().get((hash) => tell(hash.length)); });",
        "parts 0 32.",
    ),
    "fingerprint3.js": (
        "",
        "FingerprintJS.load().then((agent) => agent.get()).then((found) => tell(found.visitorId.length));",
        "32.",
    ),
    "scorecardresearch_beacon.js": ("", "COMSCORE.beacon({}); tell('on');", "on."),
    "mxpnl_mixpanel.js": (
        "window.mixpanel = [['track', 'x']];"
        "mixpanel._i = [['t', { loaded: (known) => tell('loaded ' + typeof known.track) }]];",
        "mixpanel.track('buy', {}, () => tell('tracked')); mixpanel.people.set('a', 1); mixpanel.identify('me');",
        "loaded function tracked.",
    ),
    "fbevents.js": ("window.fbq = () => undefined;", "fbq('init', '1'); fbq('track', 'PageView'); tell('on');", "on."),
    "addthis_widget.js": ("", "addthis.init(); addthis.layers({}); tell('on');", "on."),
    "prebid-ads.js": ("", "tell(canRunAds);", "true."),
    "doubleclick_instream_ad_status.js": ("", "tell(google_ad_status);", "1."),
    "noop.js": ("", "tell('on');", "on."),
}
# Other things, by what a page does with one of them.
PARTS = {
    "gif": "<img src='{url}' onload='tell(this.naturalWidth + \"x\" + this.naturalHeight)' onerror='tell(\"lost\")'>",
    "css": "<link rel='stylesheet' crossorigin href='{url}' onload='tell(\"styled\")' onerror='tell(\"lost\")'>",
    "html": "<iframe src='{url}' onload='tell(\"framed\")'></iframe>",
    "json": "<script>fetch('{url}').then((a) => a.json()).then((d) => tell(Object.keys(d).length));</script>",
    "txt": "<script>fetch('{url}').then((a) => a.text()).then((text) => tell('text' + text));</script>",
    "xml": "<script>fetch('{url}').then((a) => a.text()).then((text) => tell(new DOMParser()"
    ".parseFromString(text, 'text/xml').documentElement.nodeName));</script>",
    "mp3": "<audio src='{url}' oncanplaythrough='tell(this.duration.toFixed(1))' onerror='tell(\"lost\")'></audio>",
    "mp4": "<video muted autoplay src='{url}' onended='tell(\"ended\")' onerror='tell(\"lost\")'></video>",
}
PARTS["png"] = PARTS["gif"]
TOLD = {
    **{"1x1.gif": "1x1.", "2x2.png": "2x2.", "3x2.png": "3x2.", "32x32.png": "32x32.", "noop.css": "styled."},
    **{
        "noop.html": "framed.",
        "noop.json": "0.",
        "noop.txt": "text.",
        "noop-0.1s.mp3": "0.1.",
        "noop-0.5s.mp3": "0.5.",
    },
    **{"noop-1s.mp4": "ended.", "noop-vmap1.0.xml": "vmap:VMAP."},
    **{f"noop-vast{version}.xml": "VAST." for version in (2, 3, 4)},
}


@pytest.fixture(scope="module")
def proxy(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "ads.txt").write_text(LIST)
    with Proxy(folder, site, rules=RULES) as running:
        yield running


@pytest.fixture(scope="module")
def driver(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    flags = "--autoplay-policy=no-user-gesture-required"
    with proxied_browser(tmp_path_factory.mktemp("browser"), proxy.ca_file, proxy.url, flags) as running:
        yield running


def policies(proxy: Proxy, url: str) -> str:
    return curl(*through(proxy), "-H", "Accept: text/html", url).field("content-security-policy")


def shown(
    site: Site, driver: WebDriver, token: str, page: str, expected: str, service: Service = "http", query: str = ""
) -> str:
    site.written[token] = _PAGE.format(page=page)
    driver.get(site.url(f"/written/{token}{query}", service=service))
    return wait_for_text(driver, "told", expected)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_page_that_uses_a_script_goes_on(site: Site, proxy: Proxy, driver: WebDriver, token: str, name: str) -> None:
    before, after, expected = SCRIPTS[name]
    url = site.url(f"/surrogate/{name}?{token}", "tracker.test")
    page = f"<script>{before}</script><script crossorigin src='{url}'></script><script>{after}</script>"
    assert shown(site, driver, token, page, expected) == expected
    record = proxy.record(f"/surrogate/{name}?{token}")
    assert (record["verdict"], record["rule_id"], record["status"]) == ("denied", "ads", 200)
    assert record["reason"].partition("; ")[2].startswith(f"answered with the surrogate {name} (")
    assert site.ledger.count(name) == 0


def test_inside_tls_by_http2_it_is_the_same(site: Site, proxy: Proxy, driver: WebDriver, token: str) -> None:
    """A page that embeds only what says that it may be (COEP), as the browser asks for it."""
    name = "google-analytics_analytics.js"
    before, after, expected = SCRIPTS[name]
    url = site.url(f"/surrogate/{name}?{token}", "tracker.test", "https")
    page = f"<script>{before}</script><script src='{url}'></script><script>{after}</script>"
    assert shown(site, driver, token, page, expected, "https", "?embedder=require-corp") == expected
    record = proxy.record(f"/surrogate/{name}?{token}")
    assert (record["outcome"], record["status"], record["client_http_version"]) == ("denied", 200, "HTTP/2.0")


@pytest.mark.parametrize("name", TOLD)
def test_a_page_that_shows_something_goes_on(
    site: Site, proxy: Proxy, driver: WebDriver, token: str, name: str
) -> None:
    # In cleartext a browser does not say that it asks for a frame.
    service: Service = "https" if name == "noop.html" else "http"
    url = site.url(f"/surrogate/{name}?{token}", "tracker.test", service)
    page = PARTS[name.rpartition(".")[2]].format(url=url)
    assert shown(site, driver, token, page, TOLD[name], service) == TOLD[name]
    record = proxy.record(f"/surrogate/{name}?{token}")
    assert (record["verdict"], record["status"]) == ("denied", 200)


def test_all_of_them_are_tried() -> None:
    assert {*SCRIPTS, *TOLD} == set(names())


def test_links_through_the_old_analytics_lead_on(site: Site, driver: WebDriver, token: str) -> None:
    url, goal = site.url(f"/surrogate/google-analytics_ga.js?{token}", "tracker.test"), site.url(f"/page/{token}")
    page = f"<script src='{url}'></script><script>_gaq.push(['_link', '{goal}']);</script>"
    site.written[token] = _PAGE.format(page=page)
    driver.get(site.url(f"/written/{token}"))
    assert eventually(lambda: driver.current_url, lambda at: at == goal) == goal


@pytest.mark.parametrize("lane", ["on", "off"])
def test_a_policy_of_a_list_keeps_scripts_in_a_page_from_running(
    site: Site, make_proxy: MakeProxy, tmp_path: Path, token: str, lane: str
) -> None:
    """Whether the page comes from the origin or from the store, in which the policy is not."""
    (tmp_path / "ads.txt").write_text("||www.site.test^$csp=script-src 'self'\n")
    url = site.url(f"/page/{token}", "www.site.test")
    with make_proxy(rules=RULES, settings={"fast_lane": lane}) as proxy:
        for cache in ("fwd=uri-miss", "hit"):
            home = tmp_path / cache.partition("=")[0]
            with proxied_browser(home, proxy.ca_file, proxy.url) as driver:
                driver.get(url)
                assert wait_for_text(driver, "script", token) == token
                assert text_of(driver, "fetched") == "no fetch"
            record = proxy.record(f"/page/{token}", count=1 + (cache == "hit"))
            assert (record["verdict"], record["cache"]) == ("allowed", cache)
            assert "adds content-security-policy: script-src 'self' (" in record["reason"]
        (tmp_path / "ads.txt").write_text("||other.test^\n")
        with proxied_browser(tmp_path / "free", proxy.ca_file, proxy.url) as driver:
            # Rules are read anew within a second, unseen.
            assert eventually(lambda: policies(proxy, url), lambda found: not found) == ""
            driver.get(url)
            assert wait_for_text(driver, "fetched", token) == token
    assert site.ledger.count(f"/page/{token}") == 1
