"""The table's rows for requests: what a client tells, and what of it goes on to the origin."""

from forward_proxy.anonymity.cookies import not_in_third_party_parts, not_in_unread_parts
from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.hints import (
    chromium_only,
    common_agent,
    common_brands,
    common_mobile,
    common_platform,
    reduced_agent,
)
from forward_proxy.anonymity.languages import english, first_languages
from forward_proxy.anonymity.referer import capped_referer, least_referer
from forward_proxy.anonymity.treatment import DROP, KEEP, Lines, Row, Treatment
from forward_proxy.anonymity.validators import no_condition_in_parts
from forward_proxy.anonymity.webview import no_package_name, scripts_only


def _objection(_: Exchange, _lines: Lines) -> Lines:
    return (b"1",)


_OBJECTS = Treatment("set to `1`", _objection, adds=True)
_DROPPED_TOO = Treatment("dropped too", DROP.rewrite)
_BESIDE_CHROMIUM = Treatment("kept beside a Chromium User-Agent, else dropped", chromium_only)

REQUEST_ROWS = (
    Row(
        ("Proxy-Authorization",),
        DROP,
        DROP,
        "The password of this proxy is for this proxy alone.",
        "RFC 9110 §11.7.2",
        off=_DROPPED_TOO,
    ),
    Row(
        ("Via", "Forwarded", "Forwarded-For", "X-Forwarded", "X-Forwarded-*", "X-Original-Forwarded-For"),
        DROP,
        DROP,
        "They name the proxies on the way and the address behind them; our own Via is left out too.",
        "RFC 9110 §7.6.3 (which asks for Via), RFC 7239 §8.3; Privoxy change-x-forwarded-for",
    ),
    Row(
        (
            "X-Real-IP",
            "Client-IP",
            "X-Client-IP",
            "True-Client-IP",
            "CF-Connecting-IP",
            "CF-Connecting-IPv6",
            "CF-IPCountry",
            "Fastly-Client-IP",
            "Fly-Client-IP",
            "X-Azure-ClientIP",
            "X-Appengine-User-IP",
            "X-Envoy-External-Address",
            "X-Cluster-Client-IP",
            "X-Originating-IP",
            "X-Remote-IP",
            "X-Remote-Addr",
            "X-ProxyUser-Ip",
            "HTTP-Client-IP",
            "WL-Proxy-Client-IP",
        ),
        DROP,
        DROP,
        "The client's address, in the names that content networks and application servers give it.",
        "documentation of those servers",
    ),
    Row(
        ("Proxy", "Proxy-*", "X-Proxy-*", "X-BlueCoat-Via", "Xroxy-Connection"),
        DROP,
        DROP,
        "Meant for a proxy, or left by one. `Proxy` becomes HTTP_PROXY in a CGI program.",
        "RFC 9112 appendix C.2.2, CVE-2016-5385",
    ),
    Row(
        (
            "X-UIDH",
            "X-ACR",
            "X-VF-ACR",
            "MSISDN",
            "X-MSISDN",
            "X-Nokia-MSISDN",
            "X-Up-Calling-Line-ID",
            "X-Up-Subno",
            "X-HTS-CLID",
            "X-Wap-Profile",
        ),
        DROP,
        DROP,
        "Mobile carriers put subscriber numbers and handset models into cleartext requests.",
        "Verizon's X-UIDH, 2014; OMA UAProf",
    ),
    Row(
        (
            "X-Original-User-Agent",
            "X-Device-User-Agent",
            "X-OperaMini-*",
            "Device-Stock-UA",
            "X-UCBrowser-*",
            "Sec-Mesh-Client-*",
        ),
        DROP,
        DROP,
        "A second User-Agent, mostly the handset's own; it would contradict the first.",
        "Opera Mini, UC Browser and Edge as they send it",
    ),
    Row(
        ("From",),
        DROP,
        DROP,
        "An e-mail address.",
        "RFC 9110 §10.1.2; Privoxy hide-from-header",
    ),
    Row(
        ("User-Agent",),
        Treatment("a Chromium's reduced to its major version and platform; others kept", reduced_agent),
        Treatment("one value per engine, major version and form; of other programs the first product", common_agent),
        "The longest name tag there is. What is no browser is kept at `standard`: servers answer pip and git by it.",
        "RFC 9110 §10.1.5, §17.13; Chromium user-agent reduction; Firefox resistFingerprinting; WebKit 26",
    ),
    Row(
        ("Sec-CH-UA",),
        _BESIDE_CHROMIUM,
        Treatment("Google Chrome's of the same major version, beside a Chromium User-Agent", common_brands),
        "Brand and major version; has to say what User-Agent says.",
        "W3C UA Client Hints",
    ),
    Row(
        ("Sec-CH-UA-Mobile",),
        _BESIDE_CHROMIUM,
        Treatment("the form that User-Agent names", common_mobile),
        "As above.",
        "W3C UA Client Hints",
    ),
    Row(
        ("Sec-CH-UA-Platform",),
        _BESIDE_CHROMIUM,
        Treatment("the platform that User-Agent names", common_platform),
        "As above.",
        "W3C UA Client Hints",
    ),
    Row(
        ("Sec-CH-*", "Device-Memory", "DPR", "Viewport-Width", "Width", "Downlink", "ECT", "RTT"),
        DROP,
        DROP,
        "Full versions, processor, model, screen, preferences, network: the high-entropy hints, old and new.",
        "RFC 8942 §4.1, W3C UA Client Hints",
    ),
    Row(
        ("Save-Data",),
        KEEP,
        DROP,
        "A wish worth keeping, until looking like others counts more.",
        "WICG Save Data",
    ),
    Row(
        ("Accept-Language",),
        Treatment("the first two languages", first_languages),
        Treatment("US English, weighed as that browser does", english),
        "A list of languages is among the rarest things a browser tells.",
        "RFC 9110 §12.5.4; Brave's language reduction; Privoxy hide-accept-language",
    ),
    Row(
        ("Referer",),
        Treatment("between sites the origin only; whole within a site; never from https to http", capped_referer),
        Treatment("whole within the origin, the origin within the site, nothing between sites", least_referer),
        "What one reads, told to everyone whose part the page loads.",
        "RFC 9110 §10.1.3, §17.9; W3C Referrer Policy; Brave's cap; Privoxy hide-referrer",
    ),
    Row(
        ("Ping-From", "Ping-To"),
        DROP,
        DROP,
        "Who counts clicks on `<a ping>` learns the whole address of the page by it.",
        "HTML, hyperlink auditing",
    ),
    Row(
        ("Cookie",),
        Treatment("dropped where another site's page loads it unread (image, script, beacon)", not_in_unread_parts),
        Treatment("dropped in every part of another site's page, but never in a navigation", not_in_third_party_parts),
        "The same visitor on every site that shows the same pixel. Frames, CORS and WebSockets carry sign-ins.",
        "RFC 6265 §7.1; Safari blocks all of it, Firefox partitions it, Brave blocks it",
    ),
    Row(
        ("If-None-Match", "If-Modified-Since"),
        KEEP,
        Treatment("dropped in GET and HEAD of a part of another site's page", no_condition_in_parts),
        "A validator can be one of a kind, and comes back like a cookie.",
        "RFC 9110 §8.8.3, §17.14; Privoxy crunch-if-none-match, hide-if-modified-since",
    ),
    Row(
        ("X-Requested-With",),
        Treatment("dropped if it is a package name, `com.example.app`", no_package_name),
        Treatment("dropped unless `XMLHttpRequest`", scripts_only),
        "Android WebView names the application; scripts use the field against forged requests.",
        "Android Developers Blog, February 2023",
    ),
    Row(
        ("X-Client-Data",),
        DROP,
        DROP,
        "Which field trials this copy of Chrome is in.",
        "Chromium variations",
    ),
    Row(
        (
            "X-Chrome-Connected",
            "X-Chrome-ID-Consistency-Request",
            "X-Browser-Channel",
            "X-Browser-Copyright",
            "X-Browser-Validation",
            "X-Browser-Year",
        ),
        KEEP,
        DROP,
        "Chrome tells Google which Chrome and which account it is; signing in to Chrome asks for it.",
        "Chromium signin; as sent by Chrome since 136",
    ),
    Row(
        ("Sec-Browsing-Topics", "Attribution-Reporting-*", "Sec-Ad-Auction-*", "Sec-Shared-Storage-*"),
        DROP,
        DROP,
        "Advertising inside the browser: interests, conversions, auctions.",
        "Privacy Sandbox; Brave removes it",
    ),
    Row(
        ("Sec-Private-State-Token", "Sec-Private-State-Token-*", "Sec-Redemption-Record"),
        KEEP,
        DROP,
        "A vouched-for visitor is asked fewer riddles; only Chromium has it.",
        "WICG Private State Token",
    ),
    Row(
        ("Sec-GPC",),
        _OBJECTS,
        _OBJECTS,
        "Do not sell or share: binding in some jurisdictions.",
        "W3C Global Privacy Control",
    ),
    Row(
        ("DNT",),
        KEEP,
        DROP,
        "Its sender may rely on it in court; few still send it, so it sets apart.",
        "W3C Tracking Preference Expression (retired); removed from Firefox 135",
    ),
    Row(
        ("Authorization", "Origin", "Sec-Fetch-*", "Access-Control-*", "DPoP", "Signature", "Signature-Input"),
        KEEP,
        KEEP,
        "Signing in, and the checks against forged requests, stand on them.",
        "RFC 9110 §11.6.2, RFC 6454, W3C Fetch Metadata",
    ),
    Row(
        ("If-Match", "If-Unmodified-Since", "If-Range", "Range", "Last-Event-ID", "Sec-WebSocket-*"),
        KEEP,
        KEEP,
        "Without them updates get lost, downloads join wrongly, streams lose events, handshakes fail.",
        "RFC 9110 §13.1, §14.2; RFC 6455 §4.1; HTML §9.2",
    ),
    Row(
        ("Service-Worker-Navigation-Preload", "Sec-Purpose", "Purpose", "Upgrade-Insecure-Requests"),
        KEEP,
        KEEP,
        "They say what the answer is for, not who asks.",
        "W3C Service Workers, Fetch",
    ),
    Row(
        ("TE", "Connection", "Upgrade", "Max-Forwards"),
        KEEP,
        KEEP,
        "Fields of one connection or hop are the driver's, at every level.",
        "RFC 9110 §7.6",
    ),
)
