"""The life of an exchange as a table: (phase, decision) → next phase.

Both drivers walk it, a test walks it against the decisions there are, and the picture in the README is drawn from it
(`python -m forward_proxy.policy.phases`).
"""

from enum import Enum

from forward_proxy.policy.decisions import (
    Deny,
    Forward,
    Inspect,
    Lookup,
    OwnPage,
    Purge,
    Redirect,
    Relay,
    Serve,
    Tunnel,
    Validate,
)


class Phase(Enum):
    """A point at which something is decided, or an end."""

    CONNECT = "CONNECT"
    HELLO = "ClientHello"
    REQUEST = "request"
    STORED = "stored responses"
    RESPONSE = "response head"
    FAILURE = "origin failed"
    TUNNELLED = "bytes relayed unread"
    ANSWERED = "answered, one record"


PHASES: dict[tuple[Phase, type], Phase] = {
    (Phase.CONNECT, Deny): Phase.ANSWERED,
    (Phase.CONNECT, Tunnel): Phase.HELLO,
    (Phase.CONNECT, Inspect): Phase.HELLO,
    (Phase.HELLO, Deny): Phase.ANSWERED,
    (Phase.HELLO, Tunnel): Phase.TUNNELLED,
    (Phase.HELLO, Inspect): Phase.REQUEST,
    (Phase.REQUEST, Deny): Phase.ANSWERED,
    (Phase.REQUEST, Lookup): Phase.STORED,
    (Phase.REQUEST, Forward): Phase.RESPONSE,
    (Phase.REQUEST, Purge): Phase.ANSWERED,
    (Phase.REQUEST, OwnPage): Phase.ANSWERED,
    (Phase.REQUEST, Redirect): Phase.ANSWERED,
    (Phase.STORED, Deny): Phase.ANSWERED,
    (Phase.STORED, Serve): Phase.ANSWERED,
    (Phase.STORED, Validate): Phase.RESPONSE,
    (Phase.STORED, Forward): Phase.RESPONSE,
    (Phase.RESPONSE, Deny): Phase.ANSWERED,
    (Phase.RESPONSE, Serve): Phase.ANSWERED,
    (Phase.RESPONSE, Relay): Phase.ANSWERED,
    (Phase.FAILURE, Deny): Phase.ANSWERED,
    (Phase.FAILURE, Serve): Phase.ANSWERED,
}


def picture() -> str:
    """The table as a Mermaid state diagram, which renders where the README is read."""
    names = {phase: phase.name.lower() for phase in Phase}
    lines = ["stateDiagram-v2"]
    lines += [f"    {names[phase]}: {phase.value}" for phase in Phase]
    lines += ["    [*] --> connect: https", "    [*] --> request: http"]
    lines += [
        f"    {names[phase]} --> {names[after]}: {decision.__name__}" for (phase, decision), after in PHASES.items()
    ]
    lines += ["    response --> failure: no response", "    tunnelled --> [*]", "    answered --> [*]"]
    return "\n".join(lines)


if __name__ == "__main__":
    print(picture())
