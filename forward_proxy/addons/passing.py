"""What passes between hooks and the stream they are about (streams.py): marks on a flow, and hooks of our own.

mitmproxy's hooks answer nothing; whoever listens to one leaves in the flow's metadata what is to become of it.
"""

from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.proxy import commands

# Why mitmproxy finds the request invalid; whether its target came in origin-form; whether any of its content was sent
# on; by which way it goes to its origin; whether the response just set is to be sent in place of the origin's.
INVALID = "forward_proxy.invalid"
ORIGIN_FORM = "forward_proxy.origin_form"
SENT_CONTENT = "forward_proxy.sent_content"
WAY = "forward_proxy.way"
REPLACED = "forward_proxy.replaced"
# Which of the hooks below is to be called: before the request goes on, and before the answer is sent.
PROVES = "forward_proxy.proves"
IN_LINE = "forward_proxy.in_line"
PURGES = "forward_proxy.purges"
GRANTS = "forward_proxy.grants"


@dataclass
class StoredBlockHook(commands.StartHook):
    """Asks for the next block of the stored content that answers this flow."""

    flow: http.HTTPFlow


@dataclass
class StoredBlocks:
    """Left in a flow's metadata by whoever answers from the store.

    `next` is sent, None is a fault; while there is `more`, the hook above is asked for it.
    """

    KEY = "forward_proxy.stored"

    next: bytes | None = b""
    more: bool = True


@dataclass
class InTurnHook(commands.StartHook):
    """Waits until this flow's request need not wait for another one any more."""

    flow: http.HTTPFlow


@dataclass
class Interim:
    """An interim response, as the origin sent it; what is to be `passed` on of it, nothing unless a hook says so."""

    flow: http.HTTPFlow
    response: http.Response
    passed: http.Response | None = None


@dataclass
class InterimResponseHook(commands.StartHook):
    """Asks what of an interim response goes on to the client."""

    interim: Interim


@dataclass
class StoredPurgeHook(commands.StartHook):
    """Asks for what is stored to be purged, and for the answer that tells of it."""

    flow: http.HTTPFlow


@dataclass
class GrantHook(commands.StartHook):
    """Asks for what a page of our own carries to be put in force or noted."""

    flow: http.HTTPFlow


@dataclass
class ProveHook(commands.StartHook):
    """Asks what the credentials of this flow's request prove, and for the decision."""

    flow: http.HTTPFlow


def waits_in_line(flow: http.HTTPFlow) -> None:
    """Say, in `requestheaders`, that `InTurnHook` is to be called before the request goes on."""
    flow.metadata[IN_LINE] = True


def replaces_origin(flow: http.HTTPFlow) -> None:
    """Say, in `responseheaders`, that the response just set is to be sent in place of the origin's."""
    flow.metadata[REPLACED] = True
