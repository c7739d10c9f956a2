"""Does a URL look like the pattern?  `||`, `|`, `^`, `*` and plain text, over the octets of the canonical URL.

`^` stands for one octet that is neither letter, digit nor any of `_ - . %`, or for the end.  So each URL is kept a
second time with a `^` in the place of every such octet and one more at its end: what a pattern looks for there is found
by the search of `bytes`, and the few octets that `^` must not stand for are compared afterwards.  Each run between two
`*` is taken where it is first found, which finds a fit whenever there is one, at no more than the length of URL times
pattern.

A pattern is put in canonical form like URLs: escapes of unreserved characters decoded, other characters that no
canonical URL holds escaped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NO_SEPARATORS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.%") | set(range(128, 256))
_FOLDED = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
# What marks the separators, and what does so in lower case.
MARKS = bytes(octet if octet in _NO_SEPARATORS else ord("^") for octet in range(256))
FOLDED_MARKS = _FOLDED.translate(MARKS)

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_NEEDS_ESCAPE = re.compile(r"[^\x21-\x7e]|[\"<>\\`{|}]")
_LITERAL = re.compile(rb"[^^]+")


@dataclass(frozen=True, slots=True)
class Run:
    """What stands between two `*`: `marked` with every separator as `^`; `checks` are the octets that have to stand at
    these places, None when `^` is not in it and `text` can be looked for itself."""

    text: bytes
    marked: bytes
    checks: tuple[tuple[int, bytes], ...] | None

    @classmethod
    def of(cls, text: bytes) -> "Run":
        if b"^" not in text:
            return cls(text, text.translate(MARKS), None)
        literals = ((literal.start(), literal[0]) for literal in _LITERAL.finditer(text))
        checks = tuple((at, octets) for at, octets in literals if b"^" in octets.translate(MARKS))
        return cls(text, text.translate(MARKS), checks)

    def stands(self, url: bytes, marked: bytes, at: int) -> bool:
        """Whether it is found at this place."""
        if self.checks is None:
            return url.startswith(self.text, at)
        return marked.startswith(self.marked, at) and self._checked(url, at)

    def first(self, url: bytes, marked: bytes, at: int) -> int:
        """The first place from `at` on where it is found, -1 when there is none."""
        if self.checks is None:
            return url.find(self.text, at)
        at = marked.find(self.marked, at)
        while at >= 0 and not self._checked(url, at):
            at = marked.find(self.marked, at + 1)
        return at

    def _checked(self, url: bytes, at: int) -> bool:
        for offset, octets in self.checks or ():  # noqa: SIM110 -- any() takes twice as long
            if not url.startswith(octets, at + offset):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Pattern:
    """Runs in their order; `begins` when the first stands where the URL is anchored, `ends` when the last ends it."""

    runs: tuple[Run, ...]
    begins: bool
    ends: bool

    def fits(self, url: bytes, marked: bytes, anchors: Iterable[int]) -> bool:
        """Whether the URL, with its `marked` form, fits when the first run may stand at any of the anchors."""
        if not self.begins or not self.runs:
            return self._follows(url, marked, 0, 0)
        first = self.runs[0]
        for at in anchors:
            if first.stands(url, marked, at):
                if self._follows(url, marked, at + len(first.text), 1):
                    return True
                if len(self.runs) > 1:
                    return False  # Further on there is only less room for the others.
        return False

    def _follows(self, url: bytes, marked: bytes, at: int, done: int) -> bool:
        """Whether the runs from the one numbered `done` on are found from this place on."""
        floating = self.runs[done:-1] if self.ends else self.runs[done:]
        for run in floating:
            at = run.first(url, marked, at)
            if at < 0:
                return False
            at += len(run.text)
        return not self.ends or self._ends(url, marked, at, done)

    def _ends(self, url: bytes, marked: bytes, at: int, done: int) -> bool:
        if done == len(self.runs):
            return at >= len(url)
        last = self.runs[-1]
        begin = len(url) - len(last.text)
        # A `^` may be the end itself.
        places = (begin, begin + 1) if last.text.endswith(b"^") else (begin,)
        return any(place >= at and last.stands(url, marked, place) for place in places)


def read_pattern(text: str, begins: bool, match_case: bool) -> Pattern:
    """The pattern of a text without its anchor in front; `begins` when it had one."""
    ends = text.endswith("|") and not text.endswith("*|")
    text = text.removesuffix("|")
    begins = begins and not text.startswith("*")
    ends = ends and bool(text)
    pieces = [piece for piece in text.split("*") if piece]
    return Pattern(tuple(Run.of(_canonical(piece, match_case)) for piece in pieces), begins, ends)


def _canonical(text: str, match_case: bool) -> bytes:
    text = _ESCAPE.sub(_normal_escape, text)
    text = _NEEDS_ESCAPE.sub(lambda c: "".join(f"%{octet:02X}" for octet in c[0].encode("utf-8", "replace")), text)
    return text.encode() if match_case else text.lower().encode()


def _normal_escape(match: re.Match[str]) -> str:
    octet = int(match[0][1:], 16)
    return chr(octet) if octet in _UNRESERVED else match[0].upper()
