import pytest

from forward_proxy.anonymity.exchange import is_third_party_part, is_unread_part
from forward_proxy.matching.subject import Resource
from tests.anonymity.exchanges import exchange

HTML = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


def fetched(destination: str, mode: str) -> str:
    return f"Sec-Fetch-Site: cross-site\nSec-Fetch-Dest: {destination}\nSec-Fetch-Mode: {mode}"


@pytest.mark.parametrize(
    ("resource", "fields", "part", "unread"),
    [
        ("document", fetched("document", "navigate"), False, False),
        ("other", fetched("document", "navigate"), False, False),
        ("other", fetched("webidentity", "no-cors"), False, False),
        ("frame", fetched("iframe", "navigate"), True, False),
        ("object", fetched("embed", "navigate"), True, False),
        ("fetch", fetched("empty", "cors"), True, False),
        ("websocket", fetched("empty", "websocket"), True, False),
        ("script", fetched("script", "cors"), True, False),
        ("script", fetched("script", "no-cors"), True, True),
        ("image", fetched("image", "no-cors"), True, True),
        ("fetch", fetched("empty", "no-cors"), True, True),
        # Over cleartext browsers send no Sec-Fetch-*.
        ("other", HTML, False, False),
        ("other", "", True, False),
        ("fetch", "Accept: application/json", True, False),
        ("image", "Accept: image/avif,image/webp,*/*", True, True),
        # Where a browser says what it loads for, Accept, which a script may set, says nothing.
        ("image", f"{HTML}\n{fetched('image', 'no-cors')}", True, True),
        ("image", fetched(" IMAGE ", "NO-CORS"), True, True),
    ],
)
def test_whose_part_a_request_of_another_site_is(resource: Resource, fields: str, part: bool, unread: bool) -> None:
    at = exchange(fields, resource, third_party=True)
    assert (is_third_party_part(at), is_unread_part(at)) == (part, unread)


@pytest.mark.parametrize("third_party", [False, None])
def test_what_is_not_known_to_be_third_party_is_not_taken_for_it(third_party: bool | None) -> None:
    at = exchange(fetched("image", "no-cors"), "image", third_party)
    assert not is_third_party_part(at)
    assert not is_unread_part(at)
