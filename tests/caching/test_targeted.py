"""RFC 9213: which field speaks to this cache, and what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.caching.freshness import freshness_lifetime
from forward_proxy.caching.options import Options
from forward_proxy.caching.reuse import Reuse, select
from forward_proxy.caching.storing import NotStorable, Storable, may_store
from forward_proxy.caching.targeted import targeted
from forward_proxy.message.fields import FieldSection
from tests.caching.messages import NOW, date, request, response, section, stored

TARGETS = (b"example-cache-control", b"cdn-cache-control")
CDN = Options(targets=TARGETS)


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        ("max-age=60", {"max-age": b"60"}),
        ("max-age=60, no-store", {"max-age": b"60", "no-store": None}),
        ("max-age=60;ext=1, foobar", {"max-age": b"60", "foobar": None}),  # §2.1: parameters mean nothing.
        ('private="a, b", no-cache=a', {"private": b"a, b", "no-cache": b"a"}),
        ("max-age=60, max-age=70", {"max-age": b"70"}),  # RFC 9651 §4.2.2.
        ("public=?1, no-store=?0", {"public": None}),
        ('max-age="60", s-maxage=6.0, stale-if-error=a', {"max-age": b"", "s-maxage": b"", "stale-if-error": b""}),
        ("private=5, no-cache=(a b)", {"private": b"", "no-cache": b""}),
        # §2.1: ignored when empty or no Dictionary.
        *((wrong, None) for wrong in ("", " ", "max-age =60", "max-age= 60", "MAX-AGE=60", "max-age=60,", "&&&")),
        ("max-age=9999999999999999", None),  # RFC 9651 §3.3.1: no Integer of more than 15 digits.
        ("max-age=1\xff", None),
    ],
)
def test_the_directives_of_a_field(value: str, arguments: dict[str, bytes | None] | None) -> None:
    said = targeted(section(f"CDN-Cache-Control: {value}"), TARGETS)
    assert (None if said is None else dict(said.arguments)) == arguments


@pytest.mark.parametrize(
    ("lines", "lifetime"),
    [
        (["CDN-Cache-Control: max-age=10", "Cache-Control: max-age=60"], 10),
        (["CDN-Cache-Control: max-age=10", f"Expires: {date(-60)}"], 10),
        (["CDN-Cache-Control: foo", "Cache-Control: max-age=60", f"Expires: {date(60)}"], None),
        (["CDN-Cache-Control: max-age=0, s-maxage=7", "Cache-Control: max-age=60"], 7),
        (["CDN-Cache-Control:", "Cache-Control: max-age=60"], 60),
        (["CDN-Cache-Control: &", f"Expires: {date(60)}"], 60),
        (["CDN-Cache-Control: max-age=10", "Example-Cache-Control: max-age=20"], 20),
        (["CDN-Cache-Control: max-age=10", "Example-Cache-Control: &"], 10),
        (["CDN-Cache-Control: max-age=10", "CDN-Cache-Control: s-maxage=20"], 20),
        (["Other-Cache-Control: max-age=10", "Cache-Control: max-age=60"], 60),
    ],
)
def test_the_first_applicable_field_of_the_target_list_counts_2_2(lines: list[str], lifetime: int | None) -> None:
    assert freshness_lifetime(stored(*lines), CDN) == lifetime


def test_without_a_target_list_the_fields_mean_nothing() -> None:
    assert freshness_lifetime(stored("CDN-Cache-Control: max-age=10", "Cache-Control: max-age=60"), Options()) == 60


@pytest.mark.parametrize(
    ("lines", "is_stored"),
    [
        (["CDN-Cache-Control: max-age=60", "Cache-Control: no-store"], True),
        (["CDN-Cache-Control: no-store", "Cache-Control: max-age=60"], False),
        (["CDN-Cache-Control: private, max-age=60", "Cache-Control: max-age=60"], False),
        (["CDN-Cache-Control: no-cache, max-age=60", "Cache-Control: max-age=60"], False),
        (["CDN-Cache-Control: foo", f"Expires: {date(60)}"], False),
    ],
)
def test_storing_and_reuse_follow_it(lines: list[str], is_stored: bool) -> None:
    outcome = may_store(request(), response(*lines), request_at=NOW, response_at=NOW, options=CDN)
    assert isinstance(outcome, Storable if is_stored else NotStorable)
    if isinstance(outcome, Storable):
        assert isinstance(select(request(), [outcome.stored], NOW, CDN), Reuse)
        # By a cache that is no target, what it is not meant to store is not reused.
        assert not isinstance(select(request(), [outcome.stored], NOW, Options()), Reuse)


def test_the_field_itself_cannot_be_kept_out_of_what_is_stored() -> None:
    received = response('CDN-Cache-Control: max-age=60, no-cache="cdn-cache-control"', "Cache-Control: max-age=600")
    outcome = may_store(request(), received, request_at=NOW, response_at=NOW, options=CDN)
    assert isinstance(outcome, Storable)
    assert b"cdn-cache-control" in outcome.stored.fields


@given(st.binary(max_size=60) | st.text(alphabet='abm-x=0123456789",;?()* \\:%@').map(lambda text: text.encode()))
def test_nothing_raises(value: bytes) -> None:
    said = targeted(FieldSection([(b"cdn-cache-control", value)]), TARGETS)
    assert said is None or all(argument is None or isinstance(argument, bytes) for argument in said.arguments.values())
