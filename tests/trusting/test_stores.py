"""Every store with the tool of those who made it, in a home made for the test.  The machine's own are never touched."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from forward_proxy.trusting import changing
from forward_proxy.trusting.changing import Told, trust, untrust
from forward_proxy.trusting.copies import digests
from forward_proxy.trusting.finding import Surroundings, machines, users
from forward_proxy.trusting.ledger import Ledger
from forward_proxy.trusting.stores import Anchors, Java, Nss, Store

from ..authority.making import ca

CA = ca("Test CA").certificate
OTHER = ca("Test CA").certificate


def _needs(*tools: str) -> None:
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")


def certutil(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ("certutil", "-d", f"sql:{folder}", *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def database(tmp_path: Path) -> Nss:
    """A browser's database, with a certificate of its user in it."""
    _needs("certutil")
    folder = tmp_path / "home" / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    certutil(folder, "-N", "--empty-password")
    store = Nss("browser", folder)
    store.add(ca("Somebody's own").certificate, "somebody's own")
    return store


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state")


def undone(ledger: Ledger) -> list[str]:
    return [untrust(entry, ledger).what for entry in reversed(ledger.entries)]


def content(store: Nss) -> str:
    return certutil(store.path, "-L")


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class TestNss:
    def test_it_is_trusted_for_servers_and_taken_back_byte_for_byte(self, database: Nss, ledger: Ledger) -> None:
        before = everything_in(database.path)
        assert trust(database, CA, ledger) == Told(database, "added")
        assert database.holds(CA)
        assert "C,," in next(line for line in content(database).splitlines() if line.startswith("Test CA"))
        assert undone(ledger) == ["put back"]
        assert everything_in(database.path) == before

    def test_again_changes_nothing(self, database: Nss, ledger: Ledger) -> None:
        trust(database, CA, ledger)
        before, entries = everything_in(database.path), ledger.entries
        assert trust(database, CA, ledger) == Told(database, "there already")
        assert (everything_in(database.path), ledger.entries) == (before, entries)

    def test_dry_runs_change_nothing(self, database: Nss, ledger: Ledger, tmp_path: Path) -> None:
        before = everything_in(tmp_path)
        assert trust(database, CA, ledger, dry=True) == Told(database, "to add")
        assert everything_in(tmp_path) == before
        trust(database, CA, ledger)
        before = everything_in(tmp_path)
        assert untrust(ledger.entries[0], ledger, dry=True) == Told(database, "to remove")
        assert everything_in(tmp_path) == before

    def test_what_its_user_has_added_since_stays(self, database: Nss, ledger: Ledger) -> None:
        trust(database, CA, ledger)
        database.add(ca("Later").certificate, "later")
        assert undone(ledger) == ["removed"]
        assert not database.holds(CA)
        assert "somebody's own" in content(database)
        assert "later" in content(database)
        assert sorted(file.name for file in database.path.iterdir()) == ["cert9.db", "key4.db", "pkcs11.txt"]

    def test_a_database_that_is_open_is_not_replaced(self, database: Nss, ledger: Ledger) -> None:
        before = content(database)
        trust(database, CA, ledger)
        with database.files[0].open("rb"):
            inode = database.files[0].stat().st_ino
            assert undone(ledger) == ["removed"]
            assert database.files[0].stat().st_ino == inode
        assert content(database) == before

    def test_two_authorities_are_taken_back_one_after_the_other(self, database: Nss, ledger: Ledger) -> None:
        """As after a rotation: both have the same name."""
        before = everything_in(database.path)
        assert [trust(database, each, ledger).what for each in (CA, OTHER)] == ["added", "added"]
        assert database.holds(CA)
        assert database.holds(OTHER)
        assert undone(ledger) == ["put back", "put back"]
        assert everything_in(database.path) == before

    def test_one_that_is_not_there_is_made_and_is_gone_again(self, ledger: Ledger, tmp_path: Path) -> None:
        _needs("certutil")
        home = tmp_path / "home"
        home.mkdir()
        (store,) = users(Surroundings(home, {}))
        assert trust(store, CA, ledger).what == "added"
        assert store.path.stat().st_mode & 0o077 == 0
        assert undone(ledger) == ["put back"]
        assert list(home.iterdir()) == []

    def test_one_with_a_password_is_left_as_it_is(self, ledger: Ledger, tmp_path: Path) -> None:
        _needs("certutil")
        (tmp_path / "password").write_text("secret\n")
        (tmp_path / "db").mkdir()
        certutil(tmp_path / "db", "-N", "-f", str(tmp_path / "password"))
        before = everything_in(tmp_path / "db")
        told = trust(Nss("browser", tmp_path / "db"), CA, ledger)
        assert told.what == "failed"
        assert told.why.startswith("it is protected by a password")
        assert everything_in(tmp_path / "db") == before
        assert ledger.entries == []

    def test_what_was_removed_by_hand_is_no_fault(self, database: Nss, ledger: Ledger) -> None:
        trust(database, CA, ledger)
        database.remove(ledger.entries[0].name)
        assert undone(ledger) == ["removed"]
        assert ledger.entries == []

    def test_a_browser_that_is_gone_is_no_fault(self, database: Nss, ledger: Ledger) -> None:
        trust(database, CA, ledger)
        shutil.rmtree(database.path)
        assert undone(ledger) == ["removed"]

    def test_what_is_there_without_trust_is_not_trusted(self, database: Nss) -> None:
        file = database.path.parent / "ca.der"
        file.write_bytes(CA.public_bytes(Encoding.DER))
        certutil(database.path, "-A", "-t", ",,", "-n", "seen", "-i", str(file))
        assert not database.holds(CA)


class TestJava:
    @pytest.fixture
    def cacerts(self, tmp_path: Path) -> Java:
        _needs("keytool")
        path = tmp_path / "home" / ".jdks" / "made" / "lib" / "security" / "cacerts"
        path.parent.mkdir(parents=True)
        Java("made", path).add(OTHER, "somebody's own")
        return Java("made", path)

    def test_it_is_trusted_and_taken_back_byte_for_byte(self, cacerts: Java, ledger: Ledger) -> None:
        before = everything_in(cacerts.path.parent)
        assert trust(cacerts, CA, ledger).what == "added"
        assert cacerts.holds(CA)
        assert trust(cacerts, CA, ledger).what == "there already"
        assert undone(ledger) == ["put back"]
        assert everything_in(cacerts.path.parent) == before

    def test_what_was_added_since_stays(self, cacerts: Java, ledger: Ledger) -> None:
        later = ca("Later").certificate
        trust(cacerts, CA, ledger)
        cacerts.add(later, "later")
        assert undone(ledger) == ["removed"]
        assert [cacerts.holds(each) for each in (CA, OTHER, later)] == [False, True, True]


class TestAnchors:
    @pytest.fixture
    def machine(self, tmp_path: Path) -> Anchors:
        """A machine of its own for Debian's tool."""
        _needs("update-ca-certificates")
        for name in ("local", "etc", "shipped", "hooks"):
            (tmp_path / name).mkdir()
        (tmp_path / "conf").write_text("# nothing\n")
        words = ("--localcertsdir", "local", "--etccertsdir", "etc", "--certsdir", "shipped", "--hooksdir", "hooks")
        placed = [word if word.startswith("--") else str(tmp_path / word) for word in words]
        command = ("update-ca-certificates", "--certsconf", str(tmp_path / "conf"), *placed)
        anchors = Anchors("machine", tmp_path / "local", command)
        (tmp_path / "local" / "somebody-s.crt").write_bytes(OTHER.public_bytes(Encoding.PEM))
        subprocess.run(command, check=True, capture_output=True)
        return anchors

    def test_it_is_in_the_bundle_and_gone_again(self, machine: Anchors, ledger: Ledger, tmp_path: Path) -> None:
        bundle = tmp_path / "etc" / "ca-certificates.crt"
        before = bundle.read_bytes()
        assert trust(machine, CA, ledger) == Told(machine, "added")
        assert CA in x509.load_pem_x509_certificates(bundle.read_bytes())
        assert trust(machine, CA, ledger).what == "there already"
        assert undone(ledger) == ["removed"]
        assert bundle.read_bytes() == before
        assert [list((tmp_path / name).glob("*CA*")) for name in ("local", "etc")] == [[], []]

    def test_a_folder_that_is_not_ours_is_a_failure(self, machine: Anchors, ledger: Ledger) -> None:
        shutil.rmtree(machine.path)
        machine.path.write_text("")
        told = trust(machine, CA, ledger)
        assert told.what == "failed"
        assert str(machine.path) in told.why
        assert ledger.entries == []


def _database(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "cert9.db").touch()


def _labels(stores: Sequence[Store]) -> dict[str, str]:
    return {store.label: store.kind for store in stores}


def test_browsers_are_found_wherever_they_keep_their_profiles(tmp_path: Path) -> None:
    for folder in (
        ".local/share/pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".var/app/org.chromium.Chromium/.pki/nssdb",
        ".mozilla/firefox/one.default",
        "snap/firefox/common/.mozilla/firefox/two.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/three.default",
        ".config/mozilla/firefox/four.default",
    ):
        _database(tmp_path / folder)
    (tmp_path / ".mozilla/firefox/Crash Reports").mkdir()
    assert _labels(users(Surroundings(tmp_path, {}))) == {
        "Chromium, Chrome and others": "nss",
        "chromium (snap)": "nss",
        "org.chromium.Chromium (flatpak)": "nss",
        "Firefox, profile one.default": "nss",
        "Firefox (snap), profile two.default": "nss",
        "Firefox (flatpak), profile three.default": "nss",
        "Firefox, profile four.default": "nss",
    }


def test_jdks_are_found_once_each_and_the_system_s_own_is_left_to_the_system(tmp_path: Path) -> None:
    _database(tmp_path / "home/.pki/nssdb")
    own, shipped = tmp_path / "home/.sdkman/candidates/java/21", tmp_path / "usr/lib/jvm/vendor"
    for folder in (own, shipped):
        (folder / "lib/security").mkdir(parents=True)
        (folder / "lib/security/cacerts").touch()
    (own.parent / "current").symlink_to("21")
    (tmp_path / "usr/lib/jvm/debian/lib/security").mkdir(parents=True)
    (tmp_path / "usr/lib/jvm/debian/lib/security/cacerts").symlink_to("/etc/hostname")
    around = Surroundings(tmp_path / "home", {"JAVA_HOME": str(own)}, tmp_path)
    assert [store.kind for store in users(around)] == ["nss", "java"]
    assert _labels(machines(around)) == {"Java (vendor)": "java"}
    (tmp_path / "etc/pki/ca-trust/source/anchors").mkdir(parents=True)
    assert _labels(machines(around)) == {"this machine's store": "system", "Java (vendor)": "java"}


def test_a_tool_that_is_missing_is_named(
    database: Nss, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = trust(database, CA, ledger)
    assert told.what == "failed"
    assert told.why.startswith("certutil is not installed: libnss3-tools")
    assert [known for _, known in changing.holding([database], CA)] == [told.why]


def test_what_is_written_down_is_for_its_owner_alone(database: Nss, ledger: Ledger, tmp_path: Path) -> None:
    trust(database, CA, ledger)
    file = tmp_path / "state" / "trusted.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert Ledger(tmp_path / "state").entries == ledger.entries
    assert digests(database.files) == ledger.entries[0].after
    undone(ledger)
    assert not file.exists()
