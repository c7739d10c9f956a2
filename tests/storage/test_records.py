import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.message.fields import FieldSection
from forward_proxy.storage import records
from forward_proxy.storage.blocks import digest
from forward_proxy.storage.records import Record, decode, encode, identified, key_prefix, selection_prefix

from .responses import head, key

ROOT = bytes(range(16))
STORED = identified(head(language="fr"), 5)
OCTETS = encode(STORED, ROOT)


def planted(**changes: object) -> bytes:
    """A record of somebody who knows the format, digest and all."""
    names = ["version", "key", "status", "request_at", "response_at", "length", "root", "fields", "request_fields"]
    names += ["pinned", "stale_from"]
    values = dict(zip(names, json.loads(OCTETS[16:]), strict=True)) | changes
    body = json.dumps(list(values.values())).encode()
    return digest(body) + body


def test_a_record_comes_back_as_it_was() -> None:
    assert decode(OCTETS, STORED.id, STORED.key) == Record(str(STORED.key), STORED, ROOT)


def test_the_key_is_read_from_the_record_when_none_is_given() -> None:
    assert decode(OCTETS, STORED.id) == decode(OCTETS, STORED.id, STORED.key)


def test_a_planted_record_is_read_when_it_is_one_of_ours() -> None:
    assert decode(planted(), STORED.id) == decode(OCTETS, STORED.id)


field_lines = st.lists(
    st.tuples(
        st.sampled_from([b"a", b"x-b", b"set-cookie"]),
        st.binary().filter(lambda value: not set(value) & set(b"\r\n\0")),
    )
)


@given(field_lines, field_lines, st.integers(100, 999))
def test_any_field_value_of_any_octets_survives(
    lines: list[tuple[bytes, bytes]], request_lines: list[tuple[bytes, bytes]], status: int
) -> None:
    response = replace(STORED, status=status, fields=FieldSection(lines), request_fields=FieldSection(request_lines))
    record = decode(encode(response, ROOT), response.id, response.key)
    assert record is not None
    assert record.stored == response


@given(st.integers(0, len(OCTETS) - 1), st.integers(1, 255))
def test_no_changed_octet_goes_unnoticed(at: int, difference: int) -> None:
    damaged = bytearray(OCTETS)
    damaged[at] ^= difference
    assert decode(bytes(damaged), STORED.id, STORED.key) is None


@given(st.integers(0, len(OCTETS) - 1))
def test_no_lost_octet_goes_unnoticed(length: int) -> None:
    assert decode(OCTETS[:length], STORED.id, STORED.key) is None


@given(st.one_of(st.binary(), st.text(), st.none(), st.integers()))
def test_anything_else_is_none(octets: object) -> None:
    assert decode(octets, STORED.id, STORED.key) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 1},
        {"version": 3},
        {"status": 99},
        {"status": 1000},
        {"status": "200"},
        {"request_at": -1},
        {"response_at": 1.5},
        {"response_at": 1 << 60},
        {"length": None},
        {"root": "zz"},
        {"root": 7},
        {"key": "GET https://other.example/"},
        {"key": "GET"},
        {"key": ["GET"]},
        {"fields": [["x-a", "b\r\nset-cookie: c"]]},
        {"fields": [["x-a", "b\0"]]},
        {"fields": [["x a", "b"]]},
        {"fields": [["x\n", "b"]]},
        {"fields": [["", "b"]]},
        {"fields": [["é", "b"]]},
        {"fields": [["x-a", "\u20ac"]]},
        {"fields": [["x-a"]]},
        {"fields": [["x-a", 7]]},
        {"fields": {"x-a": "b"}},
        {"request_fields": "x"},
        {"pinned": 1},
        {"stale_from": -1},
        {"stale_from": "now"},
        {"extra": 1},
    ],
)
def test_a_record_made_by_hand_is_judged_by_its_shape(changes: dict[str, object]) -> None:
    assert decode(planted(**changes), STORED.id) is None
    assert decode(planted(**changes), STORED.id, STORED.key) is None


def test_what_was_stored_before_there_were_pins_and_soft_purges_is_still_read() -> None:
    body = json.dumps([1, *json.loads(OCTETS[16:])[1:-2]]).encode()
    assert decode(digest(body) + body, STORED.id) == decode(OCTETS, STORED.id)


@pytest.mark.parametrize("stored", [replace(STORED, pinned=True), replace(STORED, stale_from=7)])
def test_pin_and_soft_purge_are_part_of_the_record(stored: StoredResponse) -> None:
    assert decode(encode(stored, ROOT), stored.id) == Record(str(stored.key), stored, ROOT)


def test_deeply_nested_json_is_none() -> None:
    body = b"[" * 200_000
    assert decode(digest(body) + body, STORED.id) is None


def test_a_url_that_is_not_canonical_is_none() -> None:
    text = "GET https://WWW.example.com/"
    response_id = key_prefix(text) + STORED.id.partition("-")[2]
    assert decode(planted(key=text), response_id) is None


def test_another_keys_record_is_none_even_under_this_keys_id() -> None:
    other = replace(STORED, key=key("https://other.example/"))
    assert decode(encode(other, ROOT), STORED.id, STORED.key) is None
    assert decode(encode(other, ROOT), STORED.id, other.key) is None


def test_two_keys_whose_digests_collide_are_still_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_hex", lambda _, digits: "0" * digits)
    one, other = identified(head("https://a.example/"), 0), identified(head("https://b.example/"), 0)
    assert selection_prefix(one.id) == selection_prefix(other.id)
    assert decode(encode(one, ROOT), one.id, one.key) is not None
    assert decode(encode(one, ROOT), one.id, other.key) is None


def test_ids_group_by_key_and_by_selection_and_never_repeat() -> None:
    first, again = identified(head(language="fr"), 0), identified(head(language="fr"), 0)
    other = identified(head(language="de"), 0)
    assert first.id != again.id
    assert selection_prefix(first.id) == selection_prefix(again.id) != selection_prefix(other.id)
    assert {stored.id[:25] for stored in (first, again, other)} == {key_prefix(str(key()))}


def test_the_content_length_is_the_storages_word() -> None:
    stored: StoredResponse = identified(head(), 12)
    assert stored.content_bytes == 12
