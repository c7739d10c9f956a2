from pathlib import Path

from forward_proxy.settings.places import Places, default_places


def _package(root: Path, *, checkout: bool) -> Path:
    (package := root / "forward_proxy").mkdir()
    if checkout:
        (root / "rules").mkdir()
        (root / "pyproject.toml").touch()
    return package


def test_a_checkout_uses_its_own_folders(tmp_path: Path) -> None:
    package = _package(tmp_path, checkout=True)
    environ = {"HOME": "/home/ann", "XDG_STATE_HOME": "/state"}
    assert default_places(environ, package) == Places((tmp_path / "rules",), tmp_path / "cache")


def test_an_installed_package_uses_shipped_rules_and_the_home_folder(tmp_path: Path) -> None:
    package = _package(tmp_path, checkout=False)
    places = default_places({"HOME": "/home/ann"}, package, "linux")
    assert places == Places((package / "shipped_rules",), Path("/home/ann/.local/state/forward-proxy"))


def test_rules_of_ones_own_are_asked_before_the_shipped(tmp_path: Path) -> None:
    package = _package(tmp_path, checkout=False)
    (own := tmp_path / "config" / "forward-proxy" / "rules").mkdir(parents=True)
    environ = {"HOME": "/home/ann", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert default_places(environ, package, "linux").rules == (own, package / "shipped_rules")


def test_state_follows_the_platform(tmp_path: Path) -> None:
    package = _package(tmp_path, checkout=False)
    home = {"HOME": "/home/ann"}
    rows = [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/forward-proxy"),
        ("linux", {"XDG_STATE_HOME": "state"}, "/home/ann/.local/state/forward-proxy"),  # relative, so ignored
        ("linux", {"XDG_STATE_HOME": ""}, "/home/ann/.local/state/forward-proxy"),
        ("darwin", {}, "/home/ann/Library/Application Support/forward-proxy"),
        ("darwin", {"XDG_STATE_HOME": "/state"}, "/state/forward-proxy"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/forward-proxy"),
    ]
    assert [str(default_places(home | environ, package, platform).state) for platform, environ, _ in rows] == [
        expected for _, _, expected in rows
    ]
