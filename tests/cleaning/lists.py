"""Builds the ClearURLs lists, entries and requests that the tests of this folder ask about."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forward_proxy.access.lists.listed import Listed
from forward_proxy.cleaning import Catalogue, Cleaned, Remove, Tracking, Treatment
from forward_proxy.cleaning.clearurls import read_clearurls
from forward_proxy.cleaning.trees import read_json
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri, parse_target_uri

ANY_HOST_OF = r"^https?:\/\/(?:[a-z0-9-]+\.)*?"
SHOP = rf"{ANY_HOST_OF}shop\.example"
EVERYTHING = Matcher()


def catalogue(providers: object) -> Catalogue:
    """A list with these providers."""
    return catalogue_of({"providers": providers})


def catalogue_of(raw: Mapping[str, Any]) -> Catalogue:
    text = json.dumps(raw, indent=1)
    root = read_json(text)
    assert root is not None
    read = read_clearurls(root, text.count("\n") + 1)
    assert read is not None
    return read


def tracking(*treatments: Treatment | Catalogue) -> Tracking:
    """Entries in this order for every request, in lines from 1."""
    return Tracking(
        tuple(
            Choice(
                Remove(listed=Listed("list.json", "digest", each)) if isinstance(each, Catalogue) else each,
                EVERYTHING,
                RuleRef("rules.yaml", line, f"entry-{line}"),
            )
            for line, each in enumerate(treatments, 1)
        )
    )


def head(
    url: str, method: str = "GET", fields: Sequence[tuple[str, str]] = (("sec-fetch-dest", "document"),)
) -> RequestHead:
    target = parse_target_uri(url)
    assert isinstance(target, TargetUri)
    return RequestHead(method, target, FieldSection((name.encode(), value.encode()) for name, value in fields))


def cleaned(tracked: Tracking, url: str, *, navigation: bool = True, **told: Any) -> Cleaned | None:
    """What becomes of the URL where a person goes to it, or not."""
    request = head(url, **told)
    return tracked.clean(request, subject_of(request, None, 0), navigation=navigation)


def becomes(tracked: Tracking, url: str, *, navigation: bool = True, **told: Any) -> str:
    found = cleaned(tracked, url, navigation=navigation, **told)
    return url if found is None or found.left else found.location
