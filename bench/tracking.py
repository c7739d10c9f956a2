"""`python -m bench.tracking DIR`: what does it cost to look for what tracks in a target?

DIR holds clearurls.json and requests.json.zip: one JSON object a line, with `url`, `frameUrl` and `cpt`.  The shipped
entries and the list are asked together, about targets without a query and with one, and again about those of which
something was removed.  Nothing is asserted.
"""

import json
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from forward_proxy.access.lists.listed import Listed
from forward_proxy.cleaning import Catalogue, Remove, Tracking, navigates
from forward_proxy.cleaning.packing import packed, unpacked
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import Malformed, parse_target_uri
from forward_proxy.rulefiles.catalogues import read_catalogue
from forward_proxy.rulefiles.rules import load

_FILES = ("clearurls.json", "requests.json.zip")
_SHIPPED = Path(__file__).parents[1] / "rules"
_PASSES = 5
_DESTINATIONS = {"document": b"document", "xhr": b"empty", "fetch": b"empty", "stylesheet": b"style"}

type Asked = tuple[RequestHead, Subject]


def requests_in(folder: Path) -> Iterator[Asked]:
    """The requests of the folder that have a canonical target."""
    with zipfile.ZipFile(folder / "requests.json.zip") as archive:
        lines = archive.read("requests.json").splitlines()
    for line in lines:
        request = json.loads(line)
        target = parse_target_uri(request["url"])
        if not isinstance(target, Malformed):
            destination = _DESTINATIONS.get(request["cpt"], request["cpt"].encode())
            head = RequestHead("GET", target, FieldSection([(b"sec-fetch-dest", destination)]))
            yield head, subject_of(head, None, 0)


def compiled(content: bytes) -> Catalogue:
    """The list; says how long it took to read it, and to read it again from its compiled form."""
    began_at = time.perf_counter()
    catalogue = read_catalogue(content)
    cold_s = time.perf_counter() - began_at
    if catalogue is None:
        sys.exit("expected a ClearURLs list")
    octets = packed(catalogue, "source")
    began_at = time.perf_counter()
    unpacked(octets, "source")
    warm_s = time.perf_counter() - began_at
    report = catalogue.report
    print(f"load: {cold_s:.2f} s cold, {warm_s:.2f} s from the compiled form of {len(octets) / 1e6:.1f} MB")
    print(f"rules: {report.rules:,} of {len(catalogue.providers):,} providers, ignored {report.ignored_count}")
    return catalogue


def measure(tracking: Tracking, asked: Sequence[Asked]) -> None:
    """Prints how long the requests took, the least of some passes each, and what became of them."""
    passes = [_timed(tracking, asked) for _ in range(_PASSES)]
    least = [min(times) for times in zip(*passes, strict=True)]
    found = [tracking.clean(head, subject, navigation=navigates(head)) for head, subject in asked]
    kinds = {
        "without a query": [head.target.query is None for head, _ in asked],
        "with a query": [head.target.query is not None for head, _ in asked],
        "of which something was removed": [each is not None for each in found],
    }
    for kind, chosen in kinds.items():
        micros = sorted(nanos / 1000 for nanos, is_one in zip(least, chosen, strict=True) if is_one)
        if micros:
            median, high = micros[len(micros) // 2], micros[int(len(micros) * 0.99)]
            print(f"{len(micros):,} {kind}: median {median:.1f} µs, p99 {high:.1f}, most {micros[-1]:.1f}")
    left = sum(1 for each in found if each is not None and each.left)
    print(f"left alone, though something would have been removed: {left:,}")


def _timed(tracking: Tracking, asked: Sequence[Asked]) -> list[int]:
    clean, now = tracking.clean, time.perf_counter_ns
    times = []
    for head, subject in asked:
        began_at = now()
        clean(head, subject, navigation=navigates(head))
        times.append(now() - began_at)
    return times


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or not all((Path(arguments[0]) / name).is_file() for name in _FILES):
        sys.exit(f"expected a folder with {' and '.join(_FILES)}; see bench/tracking.py")
    folder = Path(arguments[0])
    listed = Listed("clearurls.json", "digest", compiled((folder / "clearurls.json").read_bytes()))
    shipped = load([_SHIPPED])
    entry = Choice(Remove(listed=listed), Matcher(), RuleRef("bench", 1))
    asked = list(requests_in(folder))
    print("the shipped entries alone")
    measure(Tracking(shipped.tracking), asked)
    print("with the list")
    measure(replace(Tracking(shipped.tracking), entries=(*shipped.tracking, entry)), asked)


if __name__ == "__main__":
    main(sys.argv[1:])
