"""Subjects and matchers for the tests of this folder, from as few words as they need."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from forward_proxy.matching.conditions import Problem
from forward_proxy.matching.grammar import compile_match
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri, parse_target_uri


def subject(url: str = "https://example.com/", method: str = "GET", **facts: Any) -> Subject:
    """What rules see of a plain request for this URL; `facts` replace what it would tell."""
    target = parse_target_uri(url)
    assert isinstance(target, TargetUri), target
    seen = subject_of(RequestHead(method, target), None, 0)
    return Subject(**({name: getattr(seen, name) for name in Subject.__slots__} | facts))


def matcher(raw: Mapping[str, object], zone: tzinfo = UTC) -> Matcher:
    compiled = compile_match(raw, zone)
    assert isinstance(compiled, Matcher), compiled
    return compiled


def problems(raw: object) -> list[tuple[str, str]]:
    """What is wrong with a match: (keys joined by dots, text)."""
    compiled = compile_match(raw, UTC)
    assert isinstance(compiled, tuple), "the match was understood"
    return [(".".join(map(str, problem.path)), problem.text) for problem in compiled if isinstance(problem, Problem)]
