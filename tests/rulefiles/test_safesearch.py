"""What is wrong with an entry of `safe_search` is told with its place."""

import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.rules import compiled


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{ match: {} }", "1:15: safe_search[0]: action is missing; expected always or never"),
        ("{ action: deny, match: {} }", "1:17: safe_search[0].action: expected always or never"),
        ("{ action: [always], match: {} }", "1:17: safe_search[0].action: expected always or never"),
        ("{ action: always }", "1:15: safe_search[0]: match is missing; write match: {} for every request"),
        ("{ action: always, match: {}, engines: gogle }",
         "1:44: safe_search[0].engines: gogle is no engine that is known here; did you mean google?"),
        ("{ action: always, match: {}, engines: [] }",
         "1:44: safe_search[0].engines: expected all, or at least one engine"),
        ("{ action: always, match: {}, engines: [google, {}] }",
         "1:62: safe_search[0].engines[1]: expected all, or one of google, bing, duckduckgo, youtube, yandex, ecosia, "
         "brave"),
        ("{ action: always, match: {}, youtube: off }", "1:44: safe_search[0].youtube: expected strict or moderate"),
        ("{ action: never, match: {}, youtube: strict }",
         "1:43: safe_search[0].youtube: has no meaning where YouTube is not locked"),
        ("{ action: always, match: {}, engines: bing, youtube: strict }",
         "1:59: safe_search[0].youtube: has no meaning where YouTube is not locked"),
        ("{ action: always, match: { path: /x } }",
         "1:42: safe_search[0].match.path: not known before the engine is dialled"),
        ("{ action: always, match: {}, engine: bing }",
         "1:44: safe_search[0].engine: unknown key; did you mean engines?"),
        ("bing", "1:15: safe_search[0]: expected a mapping with action or engines or youtube and match"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(entry: str, told: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        compiled((("x.yaml", f"safe_search: [{entry}]".encode()),))
    assert str(caught.value).splitlines() == [f"x.yaml:{told}"]
