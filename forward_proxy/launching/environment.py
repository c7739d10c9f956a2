"""Which environment variables lead a program through the proxy, and have it trust the proxy's CA?

There is no standard for either.  Programs read the address of a proxy from `http_proxy` and its like, some from the
lower case alone (curl, since `HTTP_PROXY` can come from a request in CGI), some from the upper.  Of authorities, some
variables name what is trusted besides the usual ones, and get the CA alone; others name what is trusted in place of
them, and get a bundle of both.  docs/learning.md has the table of who reads which.

What stays on this machine goes past the proxy: it leaves nothing, and test suites talk to servers of their own.
"""

import re
from collections.abc import Iterable
from pathlib import Path

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_DIRECT = "localhost,127.0.0.1,::1"
# Node reads the variables above only when it is told to (24.0; 22.21).
_SWITCHES = {"NODE_USE_ENV_PROXY": "1"}
ADDED = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
REPLACED = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----")


def variables(proxy: str, ca: Path | None, bundle: Path | None) -> dict[str, str]:
    """What to set; `proxy` is a URL.  `ca` and `bundle` are None for a proxy that opens no TLS."""
    told = {name: proxy for each in PROXIES for name in (each, each.upper())}
    told |= {"no_proxy": _DIRECT, "NO_PROXY": _DIRECT} | _SWITCHES
    told |= {name: str(ca) for name in ADDED if ca is not None}
    return told | {name: str(bundle) for name in REPLACED if bundle is not None}


def bundle_of(texts: Iterable[str]) -> str:
    """All certificates in these PEM texts, each once."""
    found = dict.fromkeys(certificate for text in texts for certificate in _CERTIFICATE.findall(text))
    return "".join(f"{certificate}\n" for certificate in found)
