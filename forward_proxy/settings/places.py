"""Where do rules and state live when nobody says?  In the checkout, or where the platform keeps such things.

XDG Base Directory Specification on Unix; a variable that is not an absolute path is ignored, as it asks.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_NAME = "forward-proxy"
_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Places:
    """The defaults of `rules` and `state`."""

    rules: tuple[Path, ...]
    state: Path


def default_places(environ: Mapping[str, str], package: Path = _PACKAGE, platform: str = sys.platform) -> Places:
    """The checkout's own folders when the package is part of one; else the user's, whose rules are asked first."""
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "rules").is_dir():
        return Places((checkout / "rules",), checkout / "cache")
    own = _folder(environ, "XDG_CONFIG_HOME", ".config") / _NAME / "rules"
    shipped = package / "shipped_rules"
    return Places((own, shipped) if own.is_dir() else (shipped,), _state(environ, platform))


def _state(environ: Mapping[str, str], platform: str) -> Path:
    if platform == "win32":
        return _folder(environ, "LOCALAPPDATA", "AppData/Local") / _NAME
    if platform == "darwin" and "XDG_STATE_HOME" not in environ:
        return _home(environ) / "Library" / "Application Support" / _NAME
    return _folder(environ, "XDG_STATE_HOME", ".local/state") / _NAME


def _folder(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    named = Path(environ.get(variable, ""))
    return named if named.is_absolute() else _home(environ) / below_home


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()
