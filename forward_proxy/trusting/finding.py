"""Where are the stores of trust of this user, and of this machine?

Looked at are only folders that are known to hold one: what browsers keep in the home folder, also as snap or flatpak,
and what JDKs ship.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from forward_proxy.trusting.stores import Anchors, Java, Nss, Store

_NSS = (".pki/nssdb", ".local/share/pki/nssdb")
_CONFINED_NSS = (
    ("snap/*/current/.pki/nssdb", "snap"),
    (".var/app/*/.pki/nssdb", "flatpak"),
    (".var/app/*/data/pki/nssdb", "flatpak"),
)
_FIREFOX = (
    (".mozilla/firefox/*", "Firefox"),
    (".config/mozilla/firefox/*", "Firefox"),
    ("snap/firefox/common/.mozilla/firefox/*", "Firefox (snap)"),
    (".var/app/org.mozilla.firefox/.mozilla/firefox/*", "Firefox (flatpak)"),
    (".var/app/org.mozilla.firefox/config/mozilla/firefox/*", "Firefox (flatpak)"),
    ("Library/Application Support/Firefox/Profiles/*", "Firefox"),
)
_USER_JAVA = (".sdkman/candidates/java/*", ".jdks/*")
_CACERTS = "lib/security/cacerts"
_ANCHORS = (
    ("usr/local/share/ca-certificates", "update-ca-certificates"),
    ("etc/pki/ca-trust/source/anchors", "update-ca-trust"),
    ("etc/ca-certificates/trust-source/anchors", "update-ca-trust"),
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where to look: the user's home folder and environment, and the root of the machine's file system."""

    home: Path
    environ: Mapping[str, str]
    root: Path = Path("/")


def users(around: Surroundings) -> tuple[Store, ...]:
    """Those that this user may change."""
    return (*_nss(around.home), *_firefox(around.home), *_java(around))


def machines(around: Surroundings) -> tuple[Store, ...]:
    """Those that are for everybody on this machine, and only root may change."""
    found: list[Store] = []
    for folder, command in _ANCHORS:
        if (path := around.root / folder).is_dir():
            found.append(Anchors("this machine's store", path, (command,)))
            break
    found += [Java(f"Java ({path.parents[2].name})", path) for path in _cacerts(around.root / "usr/lib/jvm", "*")]
    return tuple(found)


def _nss(home: Path) -> Iterator[Store]:
    if sys.platform == "darwin":
        return  # Browsers ask the key chain there.
    shared = [home / folder for folder in _NSS if (home / folder / "cert9.db").is_file()]
    for path in shared or [home / _NSS[0]]:
        yield Nss("Chromium, Chrome and others", path)
    for pattern, kind in _CONFINED_NSS:
        for database in sorted(home.glob(f"{pattern}/cert9.db")):
            name = database.relative_to(home).parts[2 if kind == "flatpak" else 1]
            yield Nss(f"{name} ({kind})", database.parent)


def _firefox(home: Path) -> Iterator[Store]:
    for pattern, label in _FIREFOX:
        for database in sorted(home.glob(f"{pattern}/cert9.db")):
            yield Nss(f"{label}, profile {database.parent.name}", database.parent)


def _java(around: Surroundings) -> Iterator[Store]:
    named = around.environ.get("JAVA_HOME", "")
    paths = [path for pattern in _USER_JAVA for path in _cacerts(around.home, pattern)]
    if named and Path(named).is_relative_to(around.home):
        paths += _cacerts(Path(named), ".")
    for path in {path.resolve(): path for path in reversed(paths)}.values():
        yield Java(f"Java ({path.parents[2].name})", path)


def _cacerts(folder: Path, pattern: str) -> list[Path]:
    """Each once, however many names it has; what the system makes of its own store is that one's matter."""
    found = {path.resolve(): path for path in sorted(folder.glob(f"{pattern}/{_CACERTS}"))}
    return [path for real, path in found.items() if not real.is_relative_to("/etc")]
