"""The shipped `cache:` entries: what is downloaded a second time comes from the store, and indexes are asked about."""

from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy import caching
from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.caching import StoredResponse
from forward_proxy.policy import Forward, Lookup, Policy, Relay, Serve, State, Validate
from forward_proxy.rulefiles import load
from tests.policy.building import LOCAL, NOW, request, response

SHIPPED = Path(__file__).parents[2] / "rules"
DAY = 86400
OLD = "Mon, 02 Nov 2026 10:00:00 GMT"
SIGNED = "https://objects.githubusercontent.com/github-production-release-asset-2e65be/1/0b-4c"
ASSET = "https://release-assets.githubusercontent.com/github-production-release-asset/1/0b-4c"
ANSWER = {"cache_control": "public, max-age=0", "last_modified": OLD, "content_type": "application/octet-stream"}


@pytest.fixture(params=[True, False], ids=["shared", "private"])
def door(request: pytest.FixtureRequest) -> Policy:
    rules = load([SHIPPED])
    return Policy(State(rules.access, AccessOptions(), caching.Options(shared=request.param), cache=rules.cache))


def decided(door: Policy, url: str, held: tuple[StoredResponse, ...], at: int, **fields: str) -> object:
    lookup = door.on_request(request(url, **fields), LOCAL, (), at)
    assert isinstance(lookup, Lookup)
    usable = tuple(stored for stored in held if stored.key == lookup.key)
    return door.on_stored(lookup, usable, at)


def downloaded(door: Policy, url: str, asked: dict[str, str], answer: dict[str, str]) -> StoredResponse:
    sent = decided(door, url, (), NOW, **asked)
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(**answer), NOW, NOW)
    assert isinstance(relay, Relay)
    assert relay.storing is not None, relay.detail
    return replace(relay.storing, id="1", content_bytes=9)


@pytest.mark.parametrize(
    ("entry", "first", "second", "asked", "answer"),
    [
        ("apt-packages", "http://deb.debian.org/debian/pool/main/b/bash/bash_5.2_amd64.deb", "", {}, ANSWER),
        ("apt-packages", "http://de.archive.ubuntu.com/ubuntu/pool/main/b/bash/bash_5.2.tar.xz", "", {}, {}),
        ("apt-by-hash", "http://deb.debian.org/debian/dists/sid/main/binary-amd64/by-hash/SHA256/00ff", "", {}, {}),
        ("python-packages", "https://files.pythonhosted.org/packages/ab/cd/ef/a-1.0-py3-none-any.whl", "", {}, ANSWER),
        ("npm-packages", "https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz", "", {}, ANSWER),
        (
            "npm-packages",
            "https://registry.npmjs.org/@types/node/-/node-20.1.0.tgz",
            "",
            {"authorization": "Bearer a"},
            ANSWER | {"set_cookie": "__cf_bm=1; path=/"},
        ),
        ("github-releases", f"{SIGNED}?X-Amz-Signature=1", f"{SIGNED}?X-Amz-Signature=2", {}, {"etag": '"0x1"'}),
        ("github-releases", f"{ASSET}?sp=r&sig=1&jwt=1", f"{ASSET}?sp=r&sig=2&jwt=2", {}, {"last_modified": OLD}),
    ],
)
def test_the_second_download_comes_from_the_store(
    door: Policy, entry: str, first: str, second: str, asked: dict[str, str], answer: dict[str, str]
) -> None:
    stored = downloaded(door, first, asked, answer)
    assert b"set-cookie" not in stored.fields
    again = decided(door, second or first, (stored,), NOW + 7 * DAY, **asked)
    assert isinstance(again, Serve)
    assert again.fwd is None
    (where,) = [choice.where for choice in door.state.cache if choice.where.id == entry]
    assert again.detail.endswith(f"min_fresh_s by {where}")


@pytest.mark.parametrize("name", ["InRelease", "Release.gpg", "main/binary-amd64/Packages.xz"])
def test_an_index_is_asked_about_each_time(door: Policy, name: str) -> None:
    url = f"http://deb.debian.org/debian/dists/trixie/{name}"
    stored = downloaded(door, url, {}, ANSWER | {"cache_control": "public, max-age=120"})
    again = decided(door, url, (stored,), NOW + 1)
    assert isinstance(again, Validate)
    assert again.edits.set == ((b"if-modified-since", OLD.encode()),)


@pytest.mark.parametrize(
    "url",
    [
        "https://pypi.org/simple/pip/",
        "https://registry.npmjs.org/lodash",
        "https://github.com/o/r/releases/download/v1/f",
        "https://evil.test/debian/pool/main/b/bash/bash_5.2_amd64.deb",
        "https://objects.githubusercontent.com/other/1?sig=1",
    ],
)
def test_what_may_change_is_left_to_the_standard(door: Policy, url: str) -> None:
    assert door.caching_options(request(url), LOCAL, NOW) is door.state.caching_options


def test_a_private_package_is_not_everybodys(door: Policy) -> None:
    url = "https://registry.npmjs.org/@mine/a/-/a-1.0.0.tgz"
    sent = decided(door, url, (), NOW, authorization="Bearer a")
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(cache_control="max-age=300"), NOW, NOW)
    assert isinstance(relay, Relay)
    if relay.storing is None:
        assert relay.detail.endswith("Authorization with shared profile")
    else:
        assert not isinstance(decided(door, url, (relay.storing,), NOW, authorization="Bearer b"), Serve)
        assert not isinstance(decided(door, url, (relay.storing,), NOW), Serve)


def test_an_error_is_not_kept_for_the_file(door: Policy) -> None:
    url = "https://files.pythonhosted.org/packages/ab/cd/ef/a-1.0-py3-none-any.whl"
    sent = decided(door, url, (), NOW)
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(404), NOW, NOW)
    assert isinstance(relay, Relay)
    assert relay.storing is None
