"""What becomes of traffic when what the proxy keeps is damaged: its store, its log, its disk, its rule files?"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .clients import curl, eventually, through
from .conftest import RULE_FILE, MakeProxy
from .content import octets
from .site import Site

pytestmark = pytest.mark.xdist_group("faults")
TMPFS_BYTES = 24 << 20
SIZES = (1_000, 100_000, 1_500_000)
# Whatever is wrong with its files the program may say; a traceback it may not.
WORDS_BUT_NO_TRACEBACK = r"^(?!Traceback|  File )"
DENIES_CDN = "rules:\n  - id: no-cdn\n    action: deny\n    match: { host: cdn.test }\n    reason: first\n"
BROKEN = "rules:\n  - id: no-cdn\n    action: dny\n    match: { hots: cdn.test }\n"

type Damage = Callable[[Path], object]


def is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


DAMAGES: dict[str, Damage] = {
    "zeroed-head": lambda path: overwrite(path, 0, bytes(100)),
    "noise-inside": lambda path: overwrite(path, path.stat().st_size // 2, os.urandom(4096)),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "another-file": lambda path: path.write_bytes(b"nothing of ours\n" * 5000),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("kind", ["database", "contents"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_serves_no_wrong_octet(
    site: Site, make_proxy: MakeProxy, token: str, damage: str, kind: str
) -> None:
    urls = [(site.url(f"/download/{size}/{token}-{size}?store"), octets(f"{token}-{size}", size)) for size in SIZES]
    with make_proxy() as proxy:
        for url, content in urls:
            assert curl(*through(proxy), url).content == content
            assert proxy.record(url.partition("?")[0].rpartition("/")[2])["cache_stored"]
    kept = [path for path in proxy.state.rglob("*") if path.is_file() and path.parent.name not in ("ca", "traffic")]
    chosen = [path for path in kept if path.stat().st_size > 4096 and is_database(path) == (kind == "database")]
    assert chosen, kept
    for path in chosen:
        DAMAGES[damage](path)
    proxy.noise = WORDS_BUT_NO_TRACEBACK
    with proxy:
        for url, content in urls:
            answer = curl(*through(proxy), url)
            # Damage deep inside shows when the sound blocks before it have gone out: then the answer is cut off.
            assert answer.content == content or (answer.exit_status and content.startswith(answer.content))
        for url, content in urls:
            assert curl(*through(proxy), url).content == content


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_stops_no_traffic(site: Site, make_proxy: MakeProxy, token: str, damage: str) -> None:
    with make_proxy() as proxy:
        curl(*through(proxy), site.url(f"/answer/{token}"))
        proxy.record(token)
    DAMAGES[damage](proxy.state / "traffic" / "traffic.db")
    proxy.noise = WORDS_BUT_NO_TRACEBACK
    with proxy:
        assert curl(*through(proxy), site.url(f"/answer/{token}-after")).content == octets(f"{token}-after", 512)


def test_a_full_disk_stops_no_traffic(site: Site, make_proxy: MakeProxy, token: str) -> None:
    proxy = make_proxy(settings={"cache": {"reserve": "0"}})
    proxy.noise = WORDS_BUT_NO_TRACEBACK
    with small_disk(proxy.state), proxy:
        for number in range(2 * TMPFS_BYTES // 1_000_000):
            url = site.url(f"/download/1000000/{token}-{number}?store")
            assert curl(*through(proxy), url).content == octets(f"{token}-{number}", 1_000_000), number
        assert shutil.disk_usage(proxy.state).used > TMPFS_BYTES // 2, "the disk was never put to the test"


def test_a_broken_rule_file_leaves_the_last_good_rules(site: Site, make_proxy: MakeProxy, token: str) -> None:
    def status(host: str = "cdn.test") -> int:
        return curl(*through(proxy), site.url(f"/answer/{token}", host)).status

    proxy = make_proxy(rules={RULE_FILE: DENIES_CDN})
    proxy.noise = WORDS_BUT_NO_TRACEBACK
    with proxy:
        assert (status(), status("site.test")) == (403, 200)
        replace(proxy.rules / RULE_FILE, BROKEN)
        assert proxy.said(rf"{RULE_FILE}:3:\d+: "), proxy.output
        assert (status(), status("site.test")) == (403, 200), "the last good set goes on"
        replace(proxy.rules / RULE_FILE, DENIES_CDN.replace("cdn.test", "www.site.test"))
        assert eventually(status, lambda now: now == 200) == 200
        assert status("www.site.test") == 403


def test_broken_rules_refuse_to_start_and_are_told_by_the_check(make_proxy: MakeProxy) -> None:
    proxy = make_proxy(rules={RULE_FILE: BROKEN})
    exit_status, output = proxy.refused_start()
    assert exit_status != 0
    check = proxy.command("rules", "check", "--rules", str(proxy.rules))
    assert check.returncode != 0
    for told in (output, check.stdout + check.stderr):
        assert f"{RULE_FILE}:3:" in told
        assert f"{RULE_FILE}:4:" in told
        assert "Traceback" not in told


def replace(path: Path, text: str) -> None:
    """As editors save: a new file takes the old one's name."""
    path.with_suffix(".tmp").write_text(text)
    path.with_suffix(".tmp").rename(path)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of TMPFS_BYTES mounted on the folder; skips where that is not ours to do."""
    folder.mkdir()
    options = f"size={TMPFS_BYTES},mode=700"
    mount = ("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small file system")
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True, capture_output=True)
