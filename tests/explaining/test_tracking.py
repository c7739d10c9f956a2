"""What is told of targets that were cleaned, and of those that were left alone."""

from pathlib import Path

import pytest

from forward_proxy.explaining.explanation import explain
from forward_proxy.explaining.rehearsal import nothing_stored
from forward_proxy.explaining.sentences import cleaning
from forward_proxy.explaining.verdicts import as_data
from tests.policy.building import LOCAL, NOW, policy, request

RULES = """tracking:
  - { id: labels, action: remove, parameters: utm_*, match: {} }
  - { action: remove, parameters: [a, b], match: {} }
  - { id: out, action: unwrap, parameters: to, match: {} }
"""


@pytest.mark.parametrize(
    ("url", "told", "location"),
    [
        (
            "http://x.example/?a=1&utm_id=2&b=3&c",
            "a, b removed by FILE:3; utm_id removed by labels (FILE:2)",
            "http://x.example/?c",
        ),
        ("http://x.example/?to=http%3A%2F%2Fy.example", "wrapper passed over by out (FILE:4)", "http://y.example/"),
        (
            "http://x.example/login?utm_id=1",
            "left alone, since the path has login: utm_id would be removed by labels (FILE:2)",
            "http://x.example/login",
        ),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_what_was_removed_is_told_with_who_did_it(
    tmp_path: Path, url: str, told: str, location: str, accept: str
) -> None:
    asked = request(url, accept=accept)
    explanation = explain(policy(tmp_path, RULES), asked, LOCAL, NOW, nothing_stored)
    if "to=" in url and accept == "*/*":
        assert explanation.cleaned is None
        return
    assert explanation.cleaned is not None
    assert cleaning(explanation.cleaned).replace(str(tmp_path / "rules.yaml"), "FILE") == told
    data = as_data(explanation)
    assert data["tracking"]["location"] == location
    assert data["tracking"]["redirected"] == (accept == "text/html" and "login" not in url)
    assert data["status"] == (307 if data["tracking"]["redirected"] else None)
