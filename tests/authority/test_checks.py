"""Is what browsers would refuse at every page refused at once, in words?"""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from forward_proxy.authority.checks import reminders, unsound
from forward_proxy.authority.model import Authority

from .making import CLIENTS_ONLY, DAY, NOW, Made, ca, pem_of

ROOT = ca("Root")


@pytest.mark.parametrize(
    "sound",
    [
        ca(),
        ca(key=rsa.generate_private_key(65537, 2048)),
        ca(key=ec.generate_private_key(ec.SECP384R1())),
        ca(may_sign=None),
        ca(path_length=0),
        ca("Below", ROOT),
        ca("Lower", ca("Below", ROOT)),
        replace(ca("Below", ROOT), issuers=()),
    ],
)
def test_what_can_sign_is_sound(sound: Made) -> None:
    assert unsound(sound.key, sound.chain, NOW) is None


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (ca(is_ca=None), "not of a CA"),
        (ca(is_ca=False), "not of a CA"),
        (ca(may_sign=False), "may not sign certificates"),
        (ca(purposes=CLIENTS_ONLY), "not for servers"),
        (ca(end=NOW - DAY), "expired on 2026-11-25"),
        (ca(start=NOW + DAY), "not valid before 2026-11-27; is this machine's clock right"),
        (ca("Below", ca("Root", path_length=0)), "certificate 2, 'Root', allows 0 CAs below it"),
        (ca("Below", ca("Root", end=NOW - DAY)), "certificate 2, 'Root', expired"),
        (replace(ca("Below", ROOT), issuers=ca("Root").chain), "certificate 1, 'Below', was not signed by"),
        (replace(ca(), key=ROOT.key), "do not belong together"),
        (replace(ca("Below", ROOT), key=ROOT.key), "must stand first"),
        (ca(key=rsa.generate_private_key(65537, 1024)), "RSA of at least 2048 bits"),
        (ca(key=ec.generate_private_key(ec.SECP256K1())), "ECDSA P-256, P-384 or P-521"),
    ],
)
def test_what_browsers_would_refuse_is_not(made: Made, words: str) -> None:
    wrong = unsound(made.key, made.chain, NOW)
    assert wrong is not None
    assert words in wrong


def test_a_key_of_another_kind_is_refused() -> None:
    wrong = unsound(ed25519.Ed25519PrivateKey.generate(), ROOT.chain, NOW)
    assert wrong is not None
    assert wrong.startswith("the key must be ECDSA")


def _reminders(made: Made) -> tuple[str, ...]:
    return reminders(Authority(made.key, made.chain, __file__), NOW)  # type: ignore[arg-type]


def test_the_end_is_told_from_thirty_days_before() -> None:
    assert _reminders(ca(end=NOW + 31 * DAY)) == ()
    assert _reminders(ca(end=NOW + 29 * DAY)) == ("'Example CA' expires in 29 days, on 2026-12-25",)
    assert _reminders(ca("Below", ca("Root", end=NOW + 3 * DAY))) == ("'Root' expires in 3 days, on 2026-11-29",)


def test_constraints_are_told() -> None:
    assert _reminders(ca(only_for="corp.example")) == (
        "it is constrained to some names: clients refuse what it signs for others",
    )


def test_keys_of_these_tests_are_what_they_say() -> None:
    assert pem_of(ROOT.key).startswith(b"-----BEGIN PRIVATE KEY")
