"""The setup page: is the traffic coming through, is the certificate trusted, and what is to be done about it.

Whether the traffic comes through is seen from the request.  Whether the certificate is trusted only the browser knows:
a script asks for something over HTTPS at the page's own host, which the proxy opens and answers itself, and can read it
only when TLS was established.  Other pages cannot: they are not the origin that may read it (CORS, Fetch §3.3), nor may
they embed it (Cross-Origin-Resource-Policy).  Without script, a link does the same, and the browser's warning tells.

One document, no other resource, the one script allowed by its digest (CSP §6.7.3).
"""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

from forward_proxy.message.fields import FieldLine
from forward_proxy.message.hosts import ip_literal
from forward_proxy.policy.onboarding.certificates import Certificate
from forward_proxy.policy.onboarding.platforms import ANDROID, IOS, PLATFORMS, Platform, own_platforms
from forward_proxy.policy.onboarding.qr import qr_code
from forward_proxy.policy.pages import SETUP_HOST, document

PROBE_PATH = "/trusted"
PROBE_FIELDS: tuple[FieldLine, ...] = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"access-control-allow-origin", f"http://{SETUP_HOST}".encode("ascii")),
)

_SCRIPT = f"""\
fetch("https://{SETUP_HOST}{PROBE_PATH}", {{cache: "no-store", credentials: "omit"}})
  .then(function (answer) {{ return answer.ok ? "yes" : "no"; }}, function () {{ return "no"; }})
  .then(function (found) {{
    document.getElementById("unknown").hidden = true;
    document.getElementById(found).hidden = false;
  }});
"""
_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode("ascii")).digest()).decode("ascii")
PAGE_CSP = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_DIGEST}'; "
    f"connect-src https://{SETUP_HOST}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
).encode("ascii")

_STYLE = (
    "body{margin:6vh auto;max-width:46rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}ul.found{list-style:none;padding:0}"
    ".found li{padding:.5rem .8rem;margin:.4rem 0;border-left:.3rem solid #8a94a3;background:#8a94a31f}"
    ".found .yes{border-color:#1f8a4c}.found .no{border-color:#c0392b}.found b::before{content:attr(data-mark) ' '}"
    "code{font:.85em ui-monospace,monospace;background:#8a94a326;padding:.1rem .3rem;border-radius:.2rem;"
    "overflow-wrap:anywhere}summary{cursor:pointer;font-weight:600;padding:.5rem 0}"
    "details{border-top:1px solid #8a94a366}li{margin:.3rem 0}ol,ul{padding-left:1.4rem}"
    "a{color:#2457c5}svg{max-width:100%;height:auto}"
    "@media(prefers-color-scheme:dark){a{color:#8fb4ff}}"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """Where the visitor finds the proxy (host and port), by which scheme the page was asked for, whether straight from
    the proxy, and by which User-Agent; the certificate is None when no TLS is opened."""

    authority: str
    scheme: str
    direct: bool
    user_agent: str
    certificate: Certificate | None


def setup_page(visit: Visit) -> bytes:
    """The whole document."""
    parts = [_found(visit), _reaching(visit), _platforms(visit), _phones(visit), _limits(visit)]
    if visit.certificate is not None and not visit.direct and visit.scheme == "http":
        parts.append(f"<script>{_SCRIPT}</script>")
    return document("Set up this proxy", "".join(parts), _STYLE)


def _found(visit: Visit) -> str:
    """What is known of the visitor's browser already."""
    if visit.direct:
        through = _item(
            "no",
            "This page came straight from the proxy, not through it.",
            f'Once your browser uses the proxy, <a href="http://{SETUP_HOST}/">http://{SETUP_HOST}/</a> opens; '
            "before that, nothing answers there.",
        )
    else:
        through = _item("yes", "Your traffic comes through this proxy.")
    return f'<ul class="found" aria-live="polite">{through}{_trusted(visit)}</ul>'


def _trusted(visit: Visit) -> str:
    address = f'<a href="https://{SETUP_HOST}/">https://{SETUP_HOST}/</a>'
    if visit.certificate is None:
        return _item("yes", "No certificate is needed: this proxy does not open HTTPS.")
    if visit.direct:
        return _item("", "Whether its certificate is trusted can be told once your traffic comes through it.")
    if visit.scheme == "https":
        return _item("yes", "HTTPS works.", "If there was no warning before this page, the certificate is trusted.")
    unknown = _item(
        "", "Is the certificate trusted?", f"Open {address}: if it opens without a warning, it is.", id_="unknown"
    )
    yes = _item("yes", "This browser trusts the certificate. You are done.", id_="yes", hidden=True)
    no = _item(
        "no",
        "This browser does not trust the certificate yet.",
        f"Do the steps below, then reload this page; or open {address} to see what it says.",
        id_="no",
        hidden=True,
    )
    return unknown + yes + no


def _item(kind: str, told: str, more: str = "", *, id_: str = "", hidden: bool = False) -> str:
    mark = {"yes": "✓", "no": "✗"}.get(kind, "?")
    attributes = f"{f' id={id_}' if id_ else ''}{' hidden' if hidden else ''}"
    return f'<li class="{kind}"{attributes}><b data-mark="{mark}">{told}</b> {more}</li>'


def _reaching(visit: Visit) -> str:
    host, port = _host_and_port(visit)
    return (
        "<h2>How to reach it</h2><ul>"
        f"<li>By address, for HTTP and HTTPS: <code>{host}</code>, port <code>{port}</code>"
        f"<li>By a configuration file (PAC): <code>{_pac(visit)}</code></ul>"
    )


def _platforms(visit: Visit) -> str:
    own = own_platforms(visit.user_agent)
    others = [platform for platform in PLATFORMS if platform not in own]
    told = "".join(_platform(platform, visit, is_open=platform in own) for platform in (*own, *others))
    if visit.certificate is None:
        return f"<h2>What to do</h2>{told}"
    certificate = visit.certificate
    return (
        f"<h2>What to do</h2>{told}"
        f"<h2>The certificate</h2><p>{escape(certificate.name)}, SHA-256 fingerprint:<br>"
        f"<code>{certificate.fingerprint}</code><p>Compare it with what the operator sees: "
        "<code>forward-proxy ca show</code>. Whoever runs this proxy can read what it opens, so trust it only "
        "if you know who that is."
    )


def _platform(platform: Platform, visit: Visit, *, is_open: bool) -> str:
    host, port = _host_and_port(visit)
    steps = [platform.proxy.format(host=host, port=port, pac=_pac(visit))]
    steps += platform.trust if visit.certificate is not None else ()
    listed = "".join(f"<li>{step}" for step in steps)
    return f"<details{' open' if is_open else ''}><summary>{platform.title}</summary><ol>{listed}</ol></details>"


def _phones(visit: Visit) -> str:
    if {ANDROID, IOS}.intersection(own_platforms(visit.user_agent)):
        return ""  # It is one.
    address = ip_literal(visit.authority.rpartition(":")[0].strip("[]"))
    if address is not None and address.is_loopback:
        told = (
            "Other devices cannot reach the address that you use. If the proxy listens in your network, too "
            "(<code>listen</code> and <code>allow_clients</code>), open this page at that address for a code to scan."
        )
        return f"<h2>Phones</h2><p>{told}"
    url = f"http://{visit.authority}/"
    return f"<h2>Phones</h2><p>Scan this, or open <code>{escape(url)}</code> in the same network.<p>{qr_code(url)}"


def _limits(visit: Visit) -> str:
    """What no setting of the visitor's mends."""
    told = ["A phone uses the proxy in the Wi-Fi it is set for, and not on mobile data."]
    if visit.certificate is not None:
        told += [
            "Android 7 and newer: browsers trust the certificate, most other apps do not, since their makers have to "
            "allow it.",
            "Apps that know their own certificates (pinning: banks, app stores, some messengers) trust no other, on "
            "any platform.",
            "For the hosts of such apps the operator can leave TLS closed: <code>inspect</code> in a rule file, "
            "<code>action: never</code>.",
        ]
    return f"<h2>What this does not do</h2><ul>{''.join(f'<li>{each}' for each in told)}</ul>"


def _host_and_port(visit: Visit) -> tuple[str, str]:
    host, _, port = visit.authority.rpartition(":")
    return escape(host.strip("[]")), port


def _pac(visit: Visit) -> str:
    return escape(f"http://{visit.authority}/proxy.pac")
