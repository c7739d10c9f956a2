"""What stands where the setup page does: who is answered what.

It is reached through the proxy as http://forward.proxy/, and by whoever does not use the proxy yet at an address that
this proxy listens on.  Then Host has to be that very address and port, or a name that the settings say is this proxy's:
a page of somebody else's whose name has been made to lead here (DNS rebinding) is told nothing.  Under `wpad`, which
browsers look for by themselves, there is nothing but the file they look for.

Who may connect by its address gets everything here without a name and password, which a device without the certificate
could not safely send.  There is nothing secret: a certificate, and what the PAC file says.  The key is not here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.clients import Network
from forward_proxy.matching.subject import Subject
from forward_proxy.message.fields import FieldLine
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.hosts import IPAddress, ip_literal, unmapped
from forward_proxy.policy.decisions import Deny, OwnPage
from forward_proxy.policy.onboarding import pac
from forward_proxy.policy.onboarding.certificates import FORMS, Certificate
from forward_proxy.policy.onboarding.page import PAGE_CSP, PROBE_FIELDS, PROBE_PATH, Visit, setup_page
from forward_proxy.policy.pages import SETUP_HOST, is_setup_host

_WPAD = "wpad"
_WPAD_PATH = "/wpad.dat"
_PAC_PATHS = ("/proxy.pac", _WPAD_PATH)
_PLAIN_CSP: FieldLine = (b"content-security-policy", b"default-src 'none'; sandbox")
# Whoever moves to another network wants to know soon; what one client is told is not for the next.
_PAC_FIELDS: tuple[FieldLine, ...] = (
    (b"content-type", pac.MEDIA_TYPE),
    (b"cache-control", b"private, max-age=60"),
    _PLAIN_CSP,
)


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The certificate, None when no TLS is opened; more canonical names and addresses that lead to this proxy; and
    whom, besides this machine, it serves by their address."""

    certificate: Certificate | None = None
    names: frozenset[str] = frozenset()
    clients: tuple[Network, ...] = ()

    def welcomes(self, client: IPAddress) -> bool:
        """Whether this client gets what stands here without a name and password."""
        known = unmapped(client)
        return known.is_loopback or any(known in network for network in self.clients)


NO_ONBOARDING = Onboarding()


def is_site(head: RequestHead, client: KnownClient, onboarding: Onboarding) -> bool:
    """Whether this request is for what stands here, and for no origin."""
    host = head.target.host
    if is_setup_host(host):
        return True
    if not head.direct or client.reached is None:
        return False
    reached = unmapped(client.reached)
    here = ip_literal(host) == reached or (host == "localhost" and reached.is_loopback)
    # At another port of the same address there is another server.
    here = here and head.target.port == client.listener
    return here or host in onboarding.names or (host == _WPAD and head.target.path == _WPAD_PATH)


def answer(
    head: RequestHead, subject: Subject, client: KnownClient, onboarding: Onboarding, pacs: Iterable[Choice[pac.Pac]]
) -> OwnPage | Deny:
    """What is told to a request for which `is_site` holds; never anything of an origin's."""
    path, certificate = head.target.path, onboarding.certificate
    if is_setup_host(head.target.host) and head.target.host != SETUP_HOST:
        return _none(subject)
    if head.method not in ("GET", "HEAD"):
        return Deny(405, "http_request_error", "what stands here is only to be read", resource=subject.resource)
    authority = _authority(head, client)
    if path == "/":
        visit = Visit(authority, head.target.scheme, head.direct, head.fields.text(b"user-agent"), certificate)
        return OwnPage(subject, setup_page(visit), fields=((b"content-security-policy", PAGE_CSP),))
    if path in _PAC_PATHS:
        choice = first_match(pacs, subject)
        return OwnPage(subject, pac.script(authority, choice.value if choice else pac.NOTHING_ELSE), fields=_PAC_FIELDS)
    if path == PROBE_PATH and head.target.scheme == "https":
        return OwnPage(subject, b"trusted\n", fields=(*PROBE_FIELDS, _PLAIN_CSP))
    if certificate is None or (form := FORMS.get(path)) is None:
        return _none(subject)
    fields = ((b"content-type", form.media_type), (b"content-disposition", form.disposition), _PLAIN_CSP)
    return OwnPage(subject, form.octets(certificate), fields=fields)


def _none(subject: Subject) -> Deny:
    return Deny(404, "http_request_error", "there is no such page", resource=subject.resource)


def _authority(head: RequestHead, client: KnownClient) -> str:
    """Host and port by which this client reaches the proxy: as it has found it, or else as it is connected."""
    host, port, reached = head.target.host, head.target.port, client.reached
    if reached is not None and client.listener is not None and (host == _WPAD or is_setup_host(host)):
        host, port = str(unmapped(reached)), client.listener
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
