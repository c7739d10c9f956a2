"""Reporting taken out of Content-Security-Policy, the enforcing part left as it is.  W3C CSP Level 3 §2.2, §6.5.

A field value is a list of policies between commas, a policy a list of directives between semicolons; neither sign can
stand inside a directive, so nothing here needs a parser.
"""

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.treatment import Lines

_REPORTING = frozenset((b"report-uri", b"report-to"))


def without_reporting(_: Exchange, lines: Lines) -> Lines:
    return tuple(kept for line in lines if (kept := _without_reporting(line)).strip(b" \t,;"))


def _without_reporting(line: bytes) -> bytes:
    if b"report-" not in line.lower():
        return line
    policies = [b";".join(d for d in policy.split(b";") if not _reports(d)) for policy in line.split(b",")]
    return b",".join(policy for policy in policies if policy.strip(b" \t;")).strip(b" \t")


def _reports(directive: bytes) -> bool:
    words = directive.split(None, 1)
    return bool(words) and words[0].lower() in _REPORTING
