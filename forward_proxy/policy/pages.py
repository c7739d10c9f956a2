"""Pages of our own for people: how they look, and where those stand that are no answer in another's name.

What acts in somebody's name stands at a host below `.invalid`, which is nobody's and never will be (RFC 6761 §6.4): a
browser that uses this proxy asks the proxy for it, and no other page shares its origin.

What is to be typed stands at `forward.proxy`, which is not reserved but is nobody's either: there is no `.proxy` in the
DNS root.  Whatever becomes of that, a request for it or for a name below it is answered here and never sent on.
"""

import html
from urllib.parse import urlencode

from forward_proxy.message.targets import TargetUri

PROXY_NAME = "forward-proxy"
HOST = "forward-proxy.invalid"
SETUP_HOST = "forward.proxy"
# Nothing is loaded or run, nobody may frame it, and what it sends goes to its own origin.
OWN_CSP = b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

_LONGEST_URL = 2000

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:12vh auto;max-width:36rem;padding:0 1.5rem;"
    "color:#1c2430;background:#fff}h1{font-size:1.4rem}dl{display:grid;grid-template-columns:max-content 1fr;"
    "gap:.3rem 1rem}dt{color:#5a6675}dd{margin:0;overflow-wrap:anywhere}p{color:#5a6675;font-size:.9rem}"
    "button,p.go a{font:inherit;color:#fff;background:#2457c5;border:0;border-radius:.4rem;padding:.4rem .9rem;"
    "margin:0 .6rem .6rem 0;display:inline-block;text-decoration:none;cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#e4e8ee;background:#14181f}dt,p{color:#9aa6b5}}"
)


def page(title: str, rows: list[tuple[str, str]], after: str) -> bytes:
    """A document with a table of these names and texts, but for empty ones; `after` is HTML."""
    table = "".join(f"<dt>{name}<dd>{html.escape(value)}" for name, value in rows if value)
    return document(title, f"<dl>{table}</dl>{after}")


def document(title: str, body: str, style: str = "") -> bytes:
    """A document with this title over this HTML; `style` is CSS beside the usual."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}{style}</style><main><h1>{html.escape(title)}</h1>"
        f"{body}</main>\n"
    ).encode()


def is_setup_host(host: str) -> bool:
    """Whether this canonical host is where the setup page stands, or below."""
    return host == SETUP_HOST or host.endswith(f".{SETUP_HOST}")


def is_own(host: str) -> bool:
    """Whether this canonical host is answered here alone."""
    return host == HOST or is_setup_host(host)


def address(scheme: str = "http", **query: str) -> str:
    """Of the page at HOST."""
    return f"{scheme}://{HOST}/{f'?{urlencode(query)}' if query else ''}"


def link(words: str, target: TargetUri) -> str:
    """HTML that leads to the page where this target can be unblocked or asked for."""
    whole = str(target)
    url = whole if len(whole) <= _LONGEST_URL else f"{target.scheme}://{target.authority}/"
    return f'<p class="go"><a href="{html.escape(address(url=url))}">{words}</a></p>'
