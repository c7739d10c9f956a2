"""Whose configuration is this?  Told by content, and read within bounds: what is imported comes from anywhere."""

import re
from collections.abc import Callable, Mapping

from forward_proxy.importing.adguardhome import read_adguardhome
from forward_proxy.importing.carried import Imported
from forward_proxy.importing.pihole import is_archive, read_pihole
from forward_proxy.importing.privoxy import read_privoxy
from forward_proxy.importing.squid import read_squid
from forward_proxy.matching.conditions import Unreadable

MAX_BYTES = 32 << 20

_ADGUARDHOME = re.compile(rb"^(?:schema_version|user_rules|whitelist_filters):", re.MULTILINE)
_PRIVOXY = re.compile(rb"^\s*\{[^\n]*(?:[+-][a-z]|\{(?:alias|settings|description)\})", re.MULTILINE)
_SQUID = re.compile(rb"^\s*(?:http_access|acl|http_port|cache_dir)\s+\S", re.MULTILINE)


def _as_text(read: Callable[[str], Imported]) -> Callable[[bytes], Imported | Unreadable]:
    return lambda content: read(content.decode("utf-8", "replace"))


FORMATS: Mapping[str, Callable[[bytes], Imported | Unreadable]] = {
    "squid": _as_text(read_squid),
    "privoxy": _as_text(read_privoxy),
    "adguard-home": read_adguardhome,
    "pi-hole": read_pihole,
}


def format_of(content: bytes) -> str | None:
    """The format's name; None when nothing tells."""
    if is_archive(content):
        return "pi-hole"
    for name, mark in (("adguard-home", _ADGUARDHOME), ("privoxy", _PRIVOXY), ("squid", _SQUID)):
        if mark.search(content):
            return name
    return None
