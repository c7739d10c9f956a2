"""The table's rows for responses: what an origin asks of a client, and what of it comes through."""

from forward_proxy.anonymity.cookies import set_outside_third_party_parts, set_outside_unread_parts
from forward_proxy.anonymity.links import without_speculation
from forward_proxy.anonymity.reports import without_reporting
from forward_proxy.anonymity.treatment import DROP, KEEP, Row, Treatment
from forward_proxy.anonymity.validators import no_validator_in_parts

RESPONSE_ROWS = (
    Row(
        ("Set-Cookie",),
        Treatment(
            "dropped where Cookie is, but for lines that only delete or are Partitioned", set_outside_unread_parts
        ),
        Treatment("dropped where Cookie is, but for lines that only delete", set_outside_third_party_parts),
        "As Cookie. A deletion links nobody, and single sign-out may come as an image.",
        "RFC 6265 §3.1, §7.1; CHIPS",
    ),
    Row(
        ("ETag", "Last-Modified"),
        KEEP,
        Treatment("dropped in a part of another site's page, but for 206 and 304", no_validator_in_parts),
        "As If-None-Match.",
        "RFC 9110 §8.8, §15.3.7.3; Privoxy overwrite-last-modified",
    ),
    Row(
        ("Accept-CH", "Accept-CH-Lifetime", "Critical-CH"),
        DROP,
        DROP,
        "They ask for hints that would be dropped; Critical-CH would have the page fetched twice for it.",
        "RFC 8942 §3.1, WICG Client Hints Infrastructure",
    ),
    Row(
        ("Alt-Svc", "Alternate-Protocol"),
        DROP,
        DROP,
        "It would lead the client to another port or protocol, past this proxy.",
        "RFC 7838 §3, §9.4",
    ),
    Row(
        ("NEL", "Report-To", "Reporting-Endpoints"),
        DROP,
        DROP,
        "Reports of network errors and crashes, sent later to whom the origin names.",
        "W3C Network Error Logging, Reporting",
    ),
    Row(
        ("Expect-CT", "Public-Key-Pins", "Public-Key-Pins-Report-Only"),
        DROP,
        DROP,
        "Retired; what still reads them reports this proxy's certificate, or locks the site out because of it.",
        "RFC 9163, RFC 7469 §2.1.4",
    ),
    Row(
        ("Content-Security-Policy",),
        KEEP,
        Treatment("report-uri and report-to taken out, the enforcing part left", without_reporting),
        "Each violation is a report with the page's address; to enforce needs no report.",
        "W3C CSP Level 3 §6.5",
    ),
    Row(
        ("*-Report-Only",),
        KEEP,
        DROP,
        "It enforces nothing and only reports.",
        "W3C CSP Level 3 §3.2, HTML",
    ),
    Row(
        ("Link",),
        KEEP,
        Treatment("values with preconnect, dns-prefetch, prefetch or prerender taken out", without_speculation),
        "They contact others before the user has done anything. Preload stays: the page needs it anyway.",
        "RFC 8288, W3C Resource Hints; Tor Browser turns speculative connections off",
    ),
    Row(
        ("Speculation-Rules",),
        KEEP,
        DROP,
        "As Link: which pages to fetch before a click.",
        "WICG Speculation Rules",
    ),
    Row(
        (
            "Observe-Browsing-Topics",
            "Attribution-Reporting-*",
            "Ad-Auction-*",
            "Shared-Storage-Write",
            "X-Allow-FLEDGE",
        ),
        DROP,
        DROP,
        "The asking side of advertising inside the browser.",
        "Privacy Sandbox",
    ),
    Row(
        ("Sec-Private-State-Token", "Sec-Private-State-Token-*"),
        KEEP,
        DROP,
        "As in requests.",
        "WICG Private State Token",
    ),
    Row(
        ("Tk",),
        KEEP,
        DROP,
        "Answers a DNT that is not sent.",
        "W3C Tracking Preference Expression",
    ),
    Row(
        ("Strict-Transport-Security",),
        KEEP,
        KEEP,
        "It can hold an identifier, spread over host names; without it every first visit can be tapped.",
        "RFC 6797 §14.9",
    ),
    Row(
        ("WWW-Authenticate", "Authentication-Info", "Access-Control-*", "Activate-Storage-Access", "Set-Login"),
        KEEP,
        KEEP,
        "Signing in stands on them.",
        "RFC 9110 §11.6, Fetch, FedCM, Storage Access",
    ),
    Row(
        (
            "Referrer-Policy",
            "Permissions-Policy",
            "Clear-Site-Data",
            "Cross-Origin-Opener-Policy",
            "Cross-Origin-Embedder-Policy",
            "Cross-Origin-Resource-Policy",
        ),
        KEEP,
        KEEP,
        "They only ever narrow what a page may do.",
        "W3C Referrer Policy, Permissions Policy, HTML",
    ),
    Row(
        ("Refresh", "SourceMap", "X-SourceMap", "Server-Timing", "Supports-Loading-Mode", "Via"),
        KEEP,
        KEEP,
        "Nothing of the client goes out by them.",
        "HTML, ECMA-426, W3C Server Timing; RFC 9110 §7.6.3",
    ),
)
