"""X-Requested-With: a script's mark, or the name of the application around an Android WebView?"""

import re

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.treatment import Lines

_PACKAGE = re.compile(rb"[A-Za-z]\w*(?:\.\w+)+")


def no_package_name(_: Exchange, lines: Lines) -> Lines:
    """Some sites want a word of their own here against forged requests, so only what looks like a package goes."""
    return tuple(line for line in lines if not _PACKAGE.fullmatch(line.strip()))


def scripts_only(_: Exchange, lines: Lines) -> Lines:
    return tuple(line for line in lines if line.strip().lower() == b"xmlhttprequest")
