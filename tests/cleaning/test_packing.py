"""A catalogue comes back from its octets as it was, or not at all."""

from forward_proxy.cleaning.packing import packed, unpacked
from tests.cleaning.lists import catalogue_of
from tests.cleaning.test_clearurls import LISTS


def test_what_was_packed_comes_back() -> None:
    for raw in LISTS.values():
        made = catalogue_of(raw)
        assert unpacked(packed(made, "source"), "source") == made


def test_what_is_damaged_or_of_another_source_does_not() -> None:
    octets = packed(catalogue_of(LISTS["version 1"]), "source")
    assert unpacked(octets, "other") is None
    assert unpacked(octets[:-1], "source") is None
    assert unpacked(octets.replace(b"shop", b"shot"), "source") is None
    assert unpacked(b"", "source") is None
