"""A list of names, compiled: is this host, or one above it, on the list?

A bit for each checksum says at once that a name is not there, for nearly all that are not.  Otherwise sorted 64-bit
digests of the entries are searched; beside each stand its line and where its text begins, and the text is compared, so
that a digest that two names share decides nothing.  All of it is a few flat arrays: a million names take some 50 MB,
are kept on disk as they are, and are loaded without being read again.  Whatever the number of entries, a look-up costs
one such question for each label of the host and each reach the list uses.

The nearest name decides: an exception for it holds against a rule for one above, as in a response policy zone.
"""

import json
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from zlib import crc32

from forward_proxy.access.lists.expressions import as_data, of_data
from forward_proxy.access.lists.found import Found
from forward_proxy.access.lists.reading import Ignored, Reach, Reading, Report
from forward_proxy.matching.automata import Automaton
from forward_proxy.matching.hosts import suffixes
from forward_proxy.matching.subject import Subject

VERSION = 2
_MAGIC = b"forward-proxy list %d %s\n" % (VERSION, sys.byteorder.encode())
_LENGTH = struct.Struct("<Q")
_CHECK_BYTES = 32
_DIGEST_BYTES = 8
_SHOWN = {Reach.NAME: "", Reach.BELOW: "*.", Reach.BOTH: ""}


@dataclass(frozen=True, slots=True, eq=False)
class DomainList:
    """The arrays run in parallel, sorted by digest; `texts` are the entries, each ended by a newline.

    `lines` are line * 2 + exception.  `seen` has a power of two of bytes.  Nothing changes them once they are here.
    """

    report: Report
    reaches: str
    seen: bytes
    digests: array[int]
    lines: array[int]
    starts: array[int]
    texts: bytes
    expressions: tuple[tuple[int, str, Automaton], ...] = ()

    def find(self, subject: Subject) -> Found | None:
        """The line that holds for the host of this subject."""
        host = subject.host
        found = None
        if self.reaches:
            found = next(self._named(host), None)
            if found is not None and found.exception:
                return self._excepted(found, host)
        return found or (self._expressed(host) if self.expressions else None)

    def excepted(self, subject: Subject) -> Found | None:
        """The line that excepts the host of this subject, whether another blocks it or not."""
        found = self.find(subject)
        return found if found is not None and found.exception else None

    def _excepted(self, found: Found, host: str) -> Found:
        others = (*self._named(host), self._expressed(host))
        denied = next((other for other in others if other is not None and not other.exception), None)
        return Found(found.line, found.text, exception=True, overrides=denied)

    def _named(self, host: str) -> Iterator[Found]:
        """The entries for this host and those above it, the nearest first."""
        seen, digests = self.seen, self.digests
        mask, count = len(seen) - 1, len(digests)
        for checksum, entry in probes(self.reaches, host):
            if not seen[checksum >> 3 & mask] >> (checksum & 7) & 1:
                continue
            digest = int.from_bytes(_digest(entry), sys.byteorder)
            place = bisect_left(digests, digest)
            while place < count and digests[place] == digest:
                start = self.starts[place]
                if self.texts.startswith(entry, start):
                    line, exception = divmod(self.lines[place], 2)
                    text = entry[1:-1].decode("ascii")
                    yield Found(line, _SHOWN[Reach(chr(entry[0]))] + text, exception=bool(exception))
                    break
                place += 1

    def _expressed(self, host: str) -> Found | None:
        for line, text, automaton in self.expressions:
            if automaton.found_in(host):
                return Found(line, text)
        return None

    def __len__(self) -> int:
        return len(self.digests) + len(self.expressions)

    def entry(self, place: int) -> str:
        """One of the names as it is shown."""
        start = self.starts[place]
        text = self.texts[start : self.texts.index(b"\n", start)].decode("ascii")
        return _SHOWN[Reach(text[0])] + text[1:]

    def entries(self) -> Iterator[str]:
        """Everything that is on the list, in no order."""
        yield from map(self.entry, range(len(self.digests)))
        for _, text, _ in self.expressions:
            yield text


@lru_cache(maxsize=8192)
def probes(reaches: str, host: str) -> tuple[tuple[int, bytes], ...]:
    """What to look for in lists with entries of these reaches: checksums and entries, the nearest first."""
    name, *above = suffixes(host)
    entries = [f"{reach}{name}\n".encode("ascii") for reach in reaches if reach != Reach.BELOW]
    entries += [f"{reach}{each}\n".encode("ascii") for each in above for reach in reaches if reach != Reach.NAME]
    return tuple((crc32(entry), entry) for entry in entries)


def _digest(entry: bytes) -> bytes:
    """64 bits that nobody can make collide at will, as a checksum can be."""
    return blake2b(entry, digest_size=_DIGEST_BYTES).digest()


def domain_list(reading: Reading) -> DomainList:
    """The list of what was read."""
    entries = [f"{entry}\n".encode("ascii") for entry in reading.names]
    digests, lines = array("Q", b"".join(map(_digest, entries))), array("I", reading.names.values())
    order = sorted(range(len(entries)), key=digests.__getitem__)
    ordered = [entries[place] for place in order]
    return DomainList(
        reading.report(),
        "".join(reach for reach in Reach if any(entry[0] == ord(reach) for entry in entries)),
        _seen(entries),
        array("Q", (digests[place] for place in order)),
        array("I", (lines[place] for place in order)),
        array("I", accumulate(map(len, ordered[:-1]), initial=0) if ordered else ()),
        b"".join(ordered),
        tuple((line, text, automaton) for text, (line, automaton) in reading.expressions.items()),
    )


def _seen(entries: list[bytes]) -> bytes:
    """A bit for each checksum, sixteen times as many as there are entries or more."""
    bits = bytearray(1 << max(len(entries) * 2 - 1, 1).bit_length())
    mask = len(bits) - 1
    for entry in entries:
        checksum = crc32(entry)
        bits[checksum >> 3 & mask] |= 1 << (checksum & 7)
    return bytes(bits)


def packed(compiled: DomainList, source: str) -> bytes:
    """The list as it is kept; `source` is the digest of what it was made of."""
    head = {
        "source": source,
        "report": asdict(compiled.report),
        "reaches": compiled.reaches,
        "seen": len(compiled.seen),
        "count": len(compiled.digests),
        "expressions": [(line, text, as_data(automaton)) for line, text, automaton in compiled.expressions],
    }
    told = json.dumps(head).encode()
    arrays = (compiled.digests.tobytes(), compiled.lines.tobytes(), compiled.starts.tobytes())
    body = b"".join((_LENGTH.pack(len(told)), told, compiled.seen, *arrays, compiled.texts))
    return b"".join((_MAGIC, blake2b(body, digest_size=_CHECK_BYTES).digest(), body))


def unpacked(kept: bytes, source: str) -> DomainList | None:
    """The list that was packed; None when it is damaged, of another version, or was made of something else."""
    at = len(_MAGIC) + _CHECK_BYTES
    view = memoryview(kept)
    if not kept.startswith(_MAGIC) or len(kept) < at + _LENGTH.size:
        return None
    if blake2b(view[at:], digest_size=_CHECK_BYTES).digest() != view[len(_MAGIC) : at]:
        return None
    (length,) = _LENGTH.unpack_from(kept, at)
    at += _LENGTH.size
    head = json.loads(bytes(view[at : at + length]))
    at += length
    if head["source"] != source:
        return None
    seen = bytes(view[at : at + head["seen"]])
    at += len(seen)
    arrays = array("Q"), array("I"), array("I")
    for each in arrays:
        end = at + head["count"] * each.itemsize
        each.frombytes(view[at:end])
        at = end
    expressions = tuple((line, text, of_data(*automaton)) for line, text, automaton in head["expressions"])
    return DomainList(_report(head["report"]), head["reaches"], seen, *arrays, bytes(view[at:]), expressions)


def _report(told: dict[str, object]) -> Report:
    """As it was before JSON."""
    examples = tuple(Ignored(**each) for each in told.pop("examples"))  # type: ignore[attr-defined]
    ignored = tuple((reason, count) for reason, count in told.pop("ignored"))  # type: ignore[attr-defined]
    del told["includes"]  # Lists of names include nothing.
    return Report(**told, ignored=ignored, examples=examples)  # type: ignore[arg-type]
