from typing import get_args, get_type_hints

import pytest

from forward_proxy.policy import Policy
from forward_proxy.policy.phases import PHASES, Phase, picture

ASKED_AT = {
    Phase.CONNECT: Policy.on_connect,
    Phase.HELLO: Policy.on_hello,
    Phase.REQUEST: Policy.on_request,
    Phase.STORED: Policy.on_stored,
    Phase.RESPONSE: Policy.on_response,
    Phase.FAILURE: Policy.on_failure,
}
ENDS = {Phase.TUNNELLED, Phase.ANSWERED}


@pytest.mark.parametrize("phase", ASKED_AT, ids=lambda phase: phase.name)
def test_every_decision_of_a_phase_leads_on(phase: Phase) -> None:
    decisions = get_type_hints(ASKED_AT[phase])["return"]
    assert set(get_args(decisions)) == {decision for at, decision in PHASES if at is phase}


def test_every_phase_but_the_ends_is_asked_at() -> None:
    assert set(ASKED_AT) | ENDS == set(Phase)


def test_every_life_ends() -> None:
    reached = set(ENDS)
    for _ in Phase:
        reached |= {phase for (phase, _), after in PHASES.items() if after in reached}
    assert reached == set(Phase)


def test_the_picture_shows_every_row() -> None:
    drawn = picture()
    assert all(
        f"{at.name.lower()} --> {after.name.lower()}: {decision.__name__}" in drawn
        for (at, decision), after in PHASES.items()
    )
