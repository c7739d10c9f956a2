"""Names of parameters and beginnings of them."""

import pytest

from forward_proxy.cleaning.names import Names, name_of

NAMES = Names.of(["fbclid", "ScCid", "utm_*"])


@pytest.mark.parametrize("name", ["fbclid", "FBCLID", "sccid", "utm_source", "UTM_Source", "utm_"])
def test_names_are_meant_in_any_case(name: str) -> None:
    assert name in NAMES


@pytest.mark.parametrize("name", ["", "fbclid2", "xfbclid", "utm", "my_utm_source"])
def test_others_are_not(name: str) -> None:
    assert name not in NAMES


def test_a_name_ends_at_the_first_equals_sign() -> None:
    assert [name_of(text) for text in ("a=b=c", "a", "=a", "")] == ["a", "a", "", ""]


def test_names_are_told_as_they_were_written_but_for_case() -> None:
    assert str(NAMES) == "fbclid, sccid, utm_*"
