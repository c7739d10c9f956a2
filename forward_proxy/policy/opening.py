"""Is the TLS inside a CONNECT opened?  Decided before anything is decrypted, by entries, settings and past refusals.

A client can refuse a certificate on purpose, so that is no way around a denial: where a rule may deny something inside
that the tunnel does not tell, the connection is opened again, unless a setting says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from forward_proxy.access.rules import AccessRules
from forward_proxy.access.unseen import denied_unseen
from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.subject import Subject
from forward_proxy.policy.decisions import Closed, Refused
from forward_proxy.policy.pages import is_own
from forward_proxy.policy.refusals import PassingThrough, Refusal


@dataclass(frozen=True, slots=True)
class Opening:
    """The entries of `inspect`, whether TLS is opened where none matches, and what is known of refusals."""

    choices: tuple[Choice[str], ...]
    by_default: bool
    access: AccessRules
    passing: PassingThrough

    def closed(self, tunnels: Sequence[Subject]) -> Closed | None:
        """Why the TLS of a tunnel that goes by these names is not opened; None when it is."""
        if not self.by_default:
            return Closed()
        for tunnel in tunnels:
            choice = first_match(self.choices, tunnel)
            if choice is not None and choice.value == "never" and not is_own(tunnel.host):
                return Closed(f"not opened, by {choice.where}{f': {choice.reason}' if choice.reason else ''}")
        if not self.passing.refusals.each or not tunnels or tunnels[0].client is None:
            return None
        names = tuple(tunnel.host for tunnel in tunnels)
        refusal = self.passing.refusals.of(names, tunnels[0].client, tunnels[0].at)
        return None if refusal is None or self._stays_open(tunnels) else Closed(refusal.told, refused=True)

    def refused(self, tunnels: Sequence[Subject], why: str) -> Refused:
        """What comes of it that the client refused the certificate for these names."""
        said = f"the client refused the certificate: {why}"
        if not self.passing.lasting_s:
            return Refused((), said)
        if (reason := self._stays_open(tunnels)) is not None:
            return Refused((), f"{said}; it will be opened all the same, since {reason}")
        refusals = tuple(
            Refusal(tunnel.client, tunnel.host, why, tunnel.at, tunnel.at + self.passing.lasting_s)
            for tunnel in tunnels
            if tunnel.client is not None
        )
        return Refused(refusals, f"{said}; from now on it passes unread for this client")

    def standing(self, tunnel: Subject) -> str:
        """What becomes of the next connection of a client that has refused the certificate for this host."""
        if (closed := self.closed((tunnel,))) is not None:
            return "passes unread" if closed.refused else closed.told or "no TLS is opened"
        return f"is opened, since {self._stays_open((tunnel,)) or 'that is over'}"

    def _stays_open(self, tunnels: Sequence[Subject]) -> str | None:
        """Why a tunnel that goes by these names is opened whatever was refused; None when it need not be."""
        for tunnel in tunnels:
            if is_own(tunnel.host):
                return f"{tunnel.host} is this proxy itself"
            choice = first_match(self.choices, tunnel)
            if choice is not None and choice.value == "always":
                return f"the entry at {choice.where} says always"
        if not self.passing.despite_rules:
            for tunnel in tunnels:
                if (rule := denied_unseen(self.access, tunnel)) is not None:
                    return f"{rule} may deny what is inside"
        return None
