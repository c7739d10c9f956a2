"""Which TLS alert says that a certificate was not accepted?  RFC 8446 §6.2.

OpenSSL names alerts in texts of its own, some with an underscore between words and some with a blank.
"""

import re
from collections.abc import Mapping

# By the end of OpenSSL's text; the same alert is told differently by its versions.
_REFUSALS: Mapping[str, str] = {
    "unknown ca": "unknown_ca",
    "bad certificate": "bad_certificate",
    "certificate unknown": "certificate_unknown",
    "unsupported certificate": "unsupported_certificate",
    "certificate revoked": "certificate_revoked",
    "certificate expired": "certificate_expired",
}
_ALERT = re.compile(rf"alert ({'|'.join(_REFUSALS)})\b")

# Told in place of an alert: many that pin certificates say nothing.
HUNG_UP = "it hung up right after it was shown"
# How long after being shown a certificate hanging up is still an answer to it; a person's patience is longer.
SHOWN_S = 5.0
# The same once the handshake is done and nothing was asked: browsers keep connections they may need for longer.
UNUSED_S = 1.0


def refusal_in(text: str) -> str | None:
    """The alert by its name in the RFC if OpenSSL's text tells of one that refuses a certificate; else None."""
    found = _ALERT.search(text.replace("_", " ").lower())
    return _REFUSALS[found[1]] if found else None
