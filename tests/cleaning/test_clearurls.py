"""What is read of ClearURLs lists, whatever their version, and what is reported instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.lists.found import Found
from forward_proxy.cleaning.clearurls import read_clearurls
from forward_proxy.cleaning.trees import Node, read_json
from forward_proxy.matching.subjects import subject_of
from tests.cleaning.lists import ANY_HOST_OF, SHOP, becomes, catalogue, catalogue_of, head, tracking

VERSION_1 = {
    "shop": {
        "urlPattern": SHOP,
        "completeProvider": False,
        "rules": ["ref_[a-z]*", "s[cr]id"],
        "rawRules": [r"\/ref=[^/?]*"],
        "referralMarketing": ["tag"],
        "exceptions": [rf"{SHOP}\/api\/"],
        "redirections": [rf"{SHOP}\/out\?.*?to=([^&]*)"],
        "forceRedirection": True,
    },
    "globalRules": {
        "urlPattern": ".*",
        "rules": ["(?:%3F)?utm(?:_[a-z_]*)?"],
        "exceptions": [rf"{ANY_HOST_OF}keeps\.example"],
    },
    "ads": {"urlPattern": rf"{ANY_HOST_OF}ads\.example", "completeProvider": True, "exceptions": [r"\/fine"]},
}
WRITTEN = {
    "version": 2,
    "defaults": {"active": True, "requestTypes": "all", "preprocessors": [], "exceptions": []},
    "providers": {
        "shop": {
            "urlPattern": SHOP,
            "exceptions": [rf"{SHOP}\/api\/"],
            "rules": [
                "ref_[a-z]*",
                {"id": "sid", "match": "s[cr]id"},
                {"id": "tag", "match": "tag", "referralMarketing": True},
                {"id": "raw", "kind": "raw", "match": r"\/ref=[^/?]*"},
                {
                    "id": "out",
                    "kind": "redirection",
                    "match": rf"{SHOP}\/out\?.*?to=([^&]*)",
                    "action": {"type": "redirect", "replacePattern": "§1§"},
                },
            ],
        },
        "globalRules": {
            "urlPattern": ".*",
            "exceptions": [rf"{ANY_HOST_OF}keeps\.example"],
            "rules": ["(?:%3F)?utm(?:_[a-z_]*)?"],
        },
        "ads": {"urlPattern": rf"{ANY_HOST_OF}ads\.example", "completeProvider": True, "exceptions": [r"\/fine"]},
    },
}


def compiled(name: str, pattern: str, rules: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    filled = [
        {"activeDefault": True, "requestTypes": "all", "preprocessors": [], "exceptions": [], "flags": "i"} | rule
        for rule in rules
    ]
    return {"providerId": name, "urlPattern": pattern, "defaultActive": True, "rules": filled} | more


COMPILED = {
    "id": "core",
    "defaultActive": True,
    "providers": [
        compiled(
            "shop",
            SHOP,
            [
                {"id": "a", "kind": "field", "match": "^ref_[a-z]*$", "action": {"type": "remove"}},
                {"id": "b", "kind": "field", "match": "^s[cr]id$", "action": {"type": "remove"}},
                {"id": "c", "kind": "field", "match": "^tag$", "action": {"type": "remove"}, "referralMarketing": True},
                {"id": "d", "kind": "raw", "match": r"\/ref=[^/?]*", "action": {"type": "remove"}},
                {"id": "e", "kind": "exception", "match": rf"{SHOP}\/api\/"},
                {
                    "id": "f",
                    "kind": "redirection",
                    "match": rf"{SHOP}\/out\?.*?to=([^&]*)",
                    "action": {"type": "redirect", "replacePattern": "§1§"},
                },
            ],
        ),
        compiled(
            "globalRules",
            ".*",
            [
                {"id": "g", "kind": "field", "match": "(?:%3F)?utm(?:_[a-z_]*)?", "action": {"type": "remove"}},
                {"id": "h", "kind": "exception", "match": rf"{ANY_HOST_OF}keeps\.example"},
            ],
        ),
        compiled(
            "ads",
            rf"{ANY_HOST_OF}ads\.example",
            [{"id": "i", "kind": "exception", "match": r"\/fine"}],
            completeProvider=True,
        ),
    ],
}
LISTS = {"version 1": {"providers": VERSION_1}, "version 2, written": WRITTEN, "version 2, compiled": COMPILED}


@pytest.mark.parametrize("raw", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize(
    ("url", "after"),
    [
        ("https://news.example/?a=1&utm_source=b&c", "https://news.example/?a=1&c"),
        ("https://news.example/?UTM_Source=b", "https://news.example/"),
        ("https://news.example/?utm=1", "https://news.example/"),
        ("https://news.example/?%3Futm_source=1&a", "https://news.example/?a"),
        ("https://news.example/?my_utm_source=1", "https://news.example/?my_utm_source=1"),
        ("https://keeps.example/?utm_source=b", "https://keeps.example/?utm_source=b"),
        ("https://www.shop.example/a/ref=x_1?ref_a=1&srid=2&tag=3&q=4", "https://www.shop.example/a?q=4"),
        ("https://www.shop.example/?ref_1=1&sid=2", "https://www.shop.example/?ref_1=1&sid=2"),
        ("https://shop.example/api/?ref_a=1&utm_id=2", "https://shop.example/api/?ref_a=1"),
        ("https://notshop.example/?ref_a=1", "https://notshop.example/?ref_a=1"),
        ("https://shop.example/out?x=1&to=https%3A%2F%2Fa.example%2F", "https://a.example/"),
        ("https://shop.example/out?x=1&to=%2Fa", "https://shop.example/out?x=1&to=%2Fa"),
        ("https://ads.example/?a", "https://ads.example/?a"),
    ],
)
def test_each_version_says_the_same(raw: dict[str, Any], url: str, after: str) -> None:
    assert becomes(tracking(catalogue_of(raw)), url) == after


@pytest.mark.parametrize("raw", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize(
    ("url", "blocked"),
    [("https://x.ads.example/a", True), ("https://ads.example/fine", False), ("https://a.example/", False)],
)
def test_a_complete_provider_is_for_rules_that_deny(raw: dict[str, Any], url: str, blocked: bool) -> None:
    found = catalogue_of(raw).find(subject_of(head(url), None, 0))
    assert (found is not None) == blocked
    assert found is None or (found.text, found.exception) == ("ads", False)
    assert catalogue_of(raw).find(subject_of(head(url, "CONNECT"), None, 0)) is None


@pytest.mark.parametrize("raw", LISTS.values(), ids=LISTS)
def test_all_of_it_is_counted_and_nothing_is_ignored(raw: dict[str, Any]) -> None:
    report = catalogue_of(raw).report
    assert (report.format, report.rules, report.ignored) == ("clearurls", 7, ())


def test_lines_are_those_of_the_file() -> None:
    text = '{"providers": {\n"all": {"urlPattern": ".*",\n"rules": [\n"a",\n"b"]}}}'
    root = read_json(text)
    assert root is not None
    read = read_clearurls(root, 5)
    assert read is not None
    assert [scope.line for scope, _ in read.providers[0].fields] == [4, 5]
    found = catalogue({"ads": {"urlPattern": "ads", "completeProvider": True}}).find(
        subject_of(head("https://ads.example/"), None, 0)
    )
    assert found == Found(4, "ads")


def ignored(provider: dict[str, Any], **top: Any) -> list[tuple[str, str]]:
    read = catalogue_of({"version": 2, "providers": {"p": {"urlPattern": SHOP} | provider}} | top)
    return [(each.text, each.reason) for each in read.report.examples]


NOT_RUN = "regular expression: "


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"match": "a(?=b)"}, NOT_RUN + "only (…), (?:…) and a leading (?i) are understood"),
        ({"match": ""}, "expected a regular expression"),
        ({"match": "a", "active": False}, "switched off by its makers"),
        ({"match": "a", "requestTypes": ["csp_report"]}, "its request types are none that a proxy can tell"),
        ({"match": "a", "action": {"type": "rewrite", "replacePattern": "b"}}, "it rewrites what it matches"),
        ({"match": "a", "preprocessors": [{"type": "urlDecode", "inputs": "all"}]}, "it rewrites what it matches"),
        ({"match": "a", "kind": "odd"}, "a rule of kind odd that is to remove is not known"),
        ({"match": "a", "action": {"type": "redirect"}}, "a rule of kind field that is to redirect is not known"),
        ({"match": "a", "exceptions": ["(?=b)"]}, "an exception of it cannot be run"),
        ({"match": "(a)(b)", "kind": "redirection"}, NOT_RUN + "expected one group that captures"),
        (
            {"match": "(a)", "kind": "redirection", "action": {"type": "redirect", "replacePattern": "https://x/§1§"}},
            "it makes a URL of parts, and only a whole one is taken",
        ),
        ({"match": "#a", "kind": "raw"}, NOT_RUN + "it is about a fragment"),
    ],
)
def test_what_cannot_be_done_is_reported_with_its_reason(rule: dict[str, Any], reason: str) -> None:
    told = ignored({"rules": [{"id": "x"} | rule]})
    assert told
    assert told[-1][1].startswith(reason)
    assert told[-1][0] == rule["match"]


@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        ({"exceptions": ["(?=x)"], "rules": ["a"]}, "an exception of it cannot be run"),
        ({"methods": ["POST"], "rules": ["a"]}, "about methods other than GET and HEAD"),
        ({"defaultActive": False, "rules": ["a"]}, "switched off by its makers"),
        ({"urlPattern": "(?=x)", "rules": ["a"]}, NOT_RUN + "only"),
    ],
)
def test_a_provider_that_cannot_be_told_cleans_nothing(provider: dict[str, Any], reason: str) -> None:
    assert any(said.startswith(reason) for _, said in ignored(provider))
    read = catalogue_of({"version": 2, "providers": {"p": {"urlPattern": SHOP} | provider}})
    assert becomes(tracking(read), "https://shop.example/?a=1") == "https://shop.example/?a=1"


def test_rules_of_version_2_hold_for_their_request_types_and_not_for_their_exceptions() -> None:
    read = catalogue_of(
        {
            "version": 2,
            "providers": {
                "p": {
                    "urlPattern": SHOP,
                    "rules": [
                        {"id": "a", "match": "a", "requestTypes": ["main_frame"]},
                        {"id": "b", "match": "b", "exceptions": [r"\/but\/"]},
                    ],
                }
            },
        }
    )
    script = [("sec-fetch-dest", "script")]
    assert becomes(tracking(read), "https://shop.example/?a=1&b=2") == "https://shop.example/"
    assert becomes(tracking(read), "https://shop.example/?a=1&b=2", fields=script) == "https://shop.example/?a=1"
    assert becomes(tracking(read), "https://shop.example/but/?a=1&b=2") == "https://shop.example/but/?b=2"


def test_a_list_is_only_so_much_work() -> None:
    hostile = [f"(?:a|b|c){{1,200}}{number}" for number in range(300)]
    read = catalogue({"p": {"urlPattern": SHOP, "rules": hostile}})
    reasons = dict(read.report.ignored)
    assert "the expressions before it are as much work as a list may be" in reasons
    assert read.report.rules + read.report.ignored_count == len(hostile)


@pytest.mark.parametrize("text", ['{"a": 1}', '{"providers": 1}', '{"providers": "x"}', "[]", '"x"'])
def test_what_is_no_list_of_providers_is_none(text: str) -> None:
    root = read_json(text)
    assert root is not None
    assert read_clearurls(root, 1) is None


keys = st.sampled_from(
    ["providers", "urlPattern", "rules", "rawRules", "redirections", "exceptions", "version", "match", "kind", "action",
     "type", "defaults", "requestTypes", "active", "completeProvider", "providerId", "methods", "x"]
)  # fmt: skip
leaves = st.sampled_from(
    ["", "a", ".*", "(a)", "2", "raw", "field", "redirect", "remove", "true", "false", "GET", "[", "§1§"]
)
trees = st.recursive(
    leaves | st.none(),
    lambda inner: st.dictionaries(keys, inner, max_size=6) | st.lists(inner, max_size=4),
    max_leaves=30,
)


@given(trees)
def test_no_tree_raises(raw: object) -> None:
    def node(value: object) -> Node:
        match value:
            case dict():
                return Node({key: node(member) for key, member in value.items()})
            case list():
                return Node(tuple(map(node, value)))
            case _:
                return Node(value if isinstance(value, str) else None)

    read_clearurls(node({"providers": {"p": raw}, "version": "2"}), 1)
    read_clearurls(node(raw), 1)
    read_clearurls(node({"providers": [raw]}), 1)
