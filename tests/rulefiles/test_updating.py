"""Lists by URL: what is taken, what is held, and what is never lost."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from forward_proxy.access.lists.updates import Use
from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.errors import TrafficError
from forward_proxy.rulefiles.fetching import Fetcher
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.rules import Rules, load
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.subscriptions import Known, Subscriptions
from forward_proxy.rulefiles.updating import Options, Updater, expires_s, subscribed
from tests.matching.requests import subject
from tests.rulefiles.publisher import Publisher, publishing

NOW = 1_800_000_000
SIGN_IN = "\n<!DOCTYPE html>\n<html>\n<script>\n$(function() {\n  go('/login?next=/');\n})\n</script>\n</html>\n"
MANY = "".join(f"ads{number}.test\n" for number in range(10))


class Subscribed:
    """One list by URL, a rule for it, and what renews it; `said` is what the operator was told."""

    def __init__(self, folder: Path, publisher: Publisher, action: str = "deny", more: str = "") -> None:
        self.folder, self.publisher = folder, publisher
        self.rules_folder = folder / "rules"
        self.rules_folder.mkdir()
        source = f"list: {{source: '{publisher.url}'}}"
        (self.rules_folder / "x.yaml").write_text(f"rules: [{{id: ads, action: {action}, {source}}}{more}]\n")
        self.default: str = "allow" if action == "deny" else "deny"
        self.said: list[str] = []
        self.in_use: Sequence[Use] = ()
        self.subscriptions = Subscriptions(folder / "lists")
        self.updater = Updater(
            Shelf(folder / "lists"),
            self.subscriptions,
            Fetcher(self.dial, ssl.create_default_context),
            lambda: self.rules,
            lambda: self.in_use,
            self.said.append,
            Options(default=self.default),  # type: ignore[arg-type]
        )

    def dial(self, host: str, port: int, redirected: bool) -> socket.socket:
        return socket.create_connection((host, port))

    @property
    def rules(self) -> Rules:
        """Those in force, as a watcher would have read them."""
        return load([self.rules_folder], default=self.default, shelf=Shelf(self.folder / "lists"))  # type: ignore[arg-type]

    @property
    def entry(self) -> ListEntry:
        (entry,) = subscribed(self.rules)
        return entry

    @property
    def known(self) -> Known:
        return self.subscriptions.known(self.entry)

    def update(self, content: str | None = None) -> None:
        if content is not None:
            self.publisher.publish(content)
        self.updater.update(self.entry, NOW)

    def denied(self, *hosts: str) -> list[str]:
        decide = self.rules.access.decide
        return [host for host in hosts if isinstance(decide(subject(f"http://{host}/")), Denied)]


def used(*urls: str) -> list[Use]:
    """Requests that no page told of, as they are in use."""
    return [Use(subject(url)) for url in urls]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as server:
        yield server


@pytest.fixture
def list_(tmp_path: Path, publisher: Publisher) -> Subscribed:
    return Subscribed(tmp_path, publisher)


def test_the_first_edition_is_taken_and_kept_for_a_start_offline(list_: Subscribed, publisher: Publisher) -> None:
    assert list_.denied("ads1.test") == []
    list_.update(MANY)
    publisher.status = 503
    assert list_.denied("ads1.test", "other.test") == ["ads1.test"]
    assert (list_.known.checked_at, list_.known.changed_at, list_.known.failure) == (NOW, NOW, "")
    for file in (list_.folder / "lists").glob("*.*"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert (list_.folder / "lists").stat().st_mode & 0o777 == 0o700


def test_what_has_not_changed_is_not_sent_again(list_: Subscribed, publisher: Publisher) -> None:
    list_.update(MANY)
    list_.update()
    assert publisher.asked[1]["if-none-match"] == publisher.etag
    assert list_.denied("ads1.test") == ["ads1.test"]
    list_.subscriptions._path(list_.entry, ".list").unlink()
    list_.update()
    assert "if-none-match" not in publisher.asked[2]
    assert list_.denied("ads1.test") == ["ads1.test"]


def test_a_sound_new_edition_takes_the_place_of_the_old(list_: Subscribed) -> None:
    list_.update(MANY)
    list_.update(MANY + "new.test\n")
    assert list_.denied("ads1.test", "new.test") == ["ads1.test", "new.test"]
    assert not list_.said


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        ("", "is empty"),
        ("# moved\n", "its format cannot be told; name it by format"),
        ("<p>\n<p>Sign in to this network\n", "its format cannot be told; name it by format"),
        (SIGN_IN, "is a web page, not a list"),
        ("ads0.test\nads1.test\n", "it shrank by 80%, from 10 to 2 rules"),
        (MANY + "bank.test\n", "it would deny 1 host in use, such as www.bank.test"),
    ],
)
def test_an_edition_in_doubt_is_held_and_the_old_one_stays(list_: Subscribed, content: str, doubt: str) -> None:
    list_.in_use = used("http://www.bank.test/", "http://ads1.test/")
    list_.update(MANY)
    list_.update(content)
    assert list_.known.doubts == (doubt,)
    assert list_.said == [f"list {list_.entry.name} is held: {doubt}; see forward-proxy rules lists"]
    assert list_.denied("ads5.test", "www.bank.test") == ["ads5.test"]
    list_.update()  # It is asked about by what is held, and said once.
    assert len(list_.said) == 1
    assert list_.subscriptions.is_held(list_.entry)


def test_what_is_held_is_told_by_its_difference_and_taken_when_accepted(list_: Subscribed) -> None:
    list_.in_use = used("http://www.bank.test/")
    list_.update(MANY)
    list_.update("ads1.test\nbank.test\n")
    known = list_.known
    assert (known.added, known.removed) == (1, 9)
    assert known.examples_added == ("bank.test",)
    assert len(known.examples_removed) == 9
    assert known.denied_hosts == ("www.bank.test",)
    held = list_.subscriptions.held(list_.entry)
    assert held is not None
    list_.subscriptions.accept(list_.entry, held, NOW)
    assert list_.denied("ads5.test", "www.bank.test") == ["www.bank.test"]
    assert not list_.subscriptions.is_held(list_.entry)
    assert list_.known.doubts == ()
    assert list_.subscriptions.held(list_.entry) is None


def test_a_hold_ends_when_its_makers_mend_the_list(list_: Subscribed) -> None:
    list_.update(MANY)
    list_.update("<html>\n")
    list_.update(MANY)
    assert not list_.subscriptions.is_held(list_.entry)
    assert list_.known.doubts == ()


def test_a_host_that_a_rule_before_the_list_allows_is_no_doubt(tmp_path: Path, publisher: Publisher) -> None:
    list_ = Subscribed(tmp_path, publisher)
    file = list_.rules_folder / "a.yaml"
    file.write_text("rules: [{action: allow, match: {host: bank.test}}]\n")
    list_.in_use = used("http://www.bank.test/")
    list_.update(MANY)
    list_.update(MANY + "bank.test\n")
    assert not list_.subscriptions.is_held(list_.entry)


def test_a_host_that_goes_from_a_list_of_what_is_allowed_is_a_doubt(tmp_path: Path, publisher: Publisher) -> None:
    list_ = Subscribed(tmp_path, publisher, "allow")
    assert list_.denied("ads1.test") == ["ads1.test"]
    list_.update(MANY)
    list_.in_use = used("http://ads1.test/", "http://other.test/")
    list_.update(MANY.replace("ads1.test", "ads11.test"))
    assert list_.known.denied_hosts == ("ads1.test",)
    assert isinstance(list_.rules.access.decide(subject("http://ads1.test/")), Allowed)


def test_an_edition_that_disappoints_an_expectation_is_held(tmp_path: Path, publisher: Publisher) -> None:
    more = ", {action: deny, match: {host: x.test}, expect: [{allow: 'http://mine.test/'}]}"
    list_ = Subscribed(tmp_path, publisher, more=more)
    list_.update("mine.test\n")
    (doubt,) = list_.known.doubts
    assert doubt.startswith("with it the rules are not sound: ")
    assert "expected http://mine.test/ to be allowed" in doubt
    assert list_.denied("mine.test") == []


def test_an_edition_is_held_while_nobody_can_tell_which_hosts_are_in_use(list_: Subscribed) -> None:
    def unreadable() -> Sequence[Use]:
        raise TrafficError("traffic.db: damaged")

    list_.update(MANY)
    list_.updater._in_use = unreadable
    list_.update(MANY + "new.test\n")
    assert list_.known.doubts == ("nobody knows which hosts are in use: traffic.db: damaged",)
    assert list_.denied("new.test") == []


def test_a_failure_is_said_once_and_tried_again_soon(list_: Subscribed, publisher: Publisher) -> None:
    list_.update(MANY)
    publisher.status, publisher.etag = 503, '"other"'
    list_.update()
    list_.update()
    assert list_.said == [
        f"list {list_.entry.name} could not be fetched: answered 503 Service Unavailable; "
        "the last good copy stays in force"
    ]
    assert list_.known.due_at(list_.entry, 86_400) == NOW + 15 * 60
    assert list_.denied("ads1.test") == ["ads1.test"]


def test_a_damaged_note_is_as_none(list_: Subscribed) -> None:
    list_.update(MANY)
    for text in ("", "{", "[]", '{"url": 1}', '{"unheard": 1}', "null"):
        list_.subscriptions._path(list_.entry, ".json").write_text(text)
        assert list_.known == Known(list_.entry.name)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("! Expires: 4 days (update frequency)\n", 4 * 86_400),
        ("# Title\n# expires: 12 hours\n", 43_200),
        ("! Expires: 2\n", 2 * 86_400),
        ("! Expires: 1h\n", 3600),
        ("! Expires: 999 days\n", 30 * 86_400),
        ("! Expires: soon\n", 0),
        ("ads.test\n", 0),
    ],
)
def test_a_list_may_say_how_long_it_holds(text: str, seconds: int) -> None:
    assert expires_s(text.encode()) == seconds


def test_what_the_rule_says_of_renewal_goes_before_the_list_and_the_list_before_the_setting() -> None:
    entry, often = ListEntry("http://a.test/", None), ListEntry("http://a.test/", None, refresh_s=600)
    says = Known(tried_at=NOW, expires_s=7200)
    assert says.due_at(often, 86_400) == NOW + 600
    assert says.due_at(entry, 86_400) == NOW + 7200
    assert Known(tried_at=NOW).due_at(entry, 86_400) == NOW + 86_400


def including(list_: Subscribed, *lines: str) -> None:
    list_.publisher.publish("".join(f"{line}\n" for line in ("||main.test^", *lines)))


def blocked(list_: Subscribed, *hosts: str) -> list[str]:
    decide = list_.rules.access.decide
    return [host for host in hosts if isinstance(decide(subject(f"http://{host}/a.js")), Denied)]


def test_what_a_list_includes_is_fetched_with_it_and_asked_for_conditionally(list_: Subscribed) -> None:
    list_.publisher.beside = {"/a.txt": "||a.test^\n!#include b.txt\n", "/b.txt": "||b.test^\n"}
    including(list_, "!#if env_mobile", "!#include never.txt", "!#endif", "!#include a.txt")
    list_.update()
    assert [asked["path"] for asked in list_.publisher.asked] == ["/list", "/a.txt", "/b.txt"]
    assert blocked(list_, "main.test", "a.test", "b.test", "c.test") == ["main.test", "a.test", "b.test"]
    written = list_.subscriptions.copy(list_.entry)
    list_.publisher.asked.clear()
    list_.update()
    assert all("if-none-match" in asked for asked in list_.publisher.asked)
    assert len(list_.publisher.asked) == 3
    assert (list_.subscriptions.copy(list_.entry), list_.known.failure) == (written, "")


def test_a_change_of_what_is_included_alone_is_a_new_edition(list_: Subscribed) -> None:
    list_.publisher.beside = {"/a.txt": "||a.test^\n"}
    including(list_, "!#include a.txt")
    list_.update()
    list_.publisher.beside = {"/a.txt": "||a.test^\n||new.test^\n"}
    list_.update()
    assert blocked(list_, "main.test", "a.test", "new.test") == ["main.test", "a.test", "new.test"]
    list_.in_use = used("http://bank.test/")
    list_.publisher.beside = {"/a.txt": "||a.test^\n||new.test^\n||bank.test^\n"}
    list_.update()
    assert (list_.known.doubts, list_.known.examples_added) == (
        ("it would deny 1 host in use, such as bank.test",),
        ("||bank.test^",),
    )
    assert blocked(list_, "main.test", "new.test", "bank.test") == ["main.test", "new.test"]
    list_.publisher.asked.clear()
    list_.update()
    assert all("if-none-match" in asked for asked in list_.publisher.asked)
    assert len(list_.said) == 1
    held = list_.subscriptions.held(list_.entry)
    assert held is not None
    list_.subscriptions.accept(list_.entry, held, NOW)
    assert blocked(list_, "main.test", "a.test", "bank.test") == ["main.test", "a.test", "bank.test"]


def test_what_cannot_be_fetched_stays_as_it_was_or_is_left_out_and_told(list_: Subscribed) -> None:
    list_.publisher.beside = {"/a.txt": "||a.test^\n", "/gone.txt": 404}
    including(list_, "!#include a.txt", "!#include gone.txt")
    list_.update()
    gone = f"{list_.publisher.url.removesuffix('/list')}/gone.txt: answered 404 Not Found"
    assert list_.known.failure == gone
    assert list_.said == [f"list {list_.entry.name} includes what could not be fetched: {gone}"]
    assert blocked(list_, "main.test", "a.test") == ["main.test", "a.test"]
    list_.publisher.beside["/a.txt"] = 503
    including(list_, "!#include a.txt", "!#include gone.txt", "||more.test^")
    list_.update()
    assert blocked(list_, "main.test", "a.test", "more.test") == ["main.test", "a.test", "more.test"]
    assert list_.known.due_at(list_.entry, 86_400) == NOW + 15 * 60


def test_a_page_to_sign_in_at_is_no_part_of_a_list(list_: Subscribed) -> None:
    list_.publisher.beside = {"/a.txt": "||a.test^\n"}
    including(list_, "!#include a.txt")
    list_.update()
    list_.publisher.beside = {"/a.txt": SIGN_IN}
    list_.update()
    assert blocked(list_, "main.test", "a.test") == ["main.test", "a.test"]
    assert list_.known.failure.endswith("/a.txt: is a web page, not a list")


def test_of_several_lists_in_an_entry_each_is_held_by_itself(tmp_path: Path, publisher: Publisher) -> None:
    list_ = Subscribed(tmp_path, publisher)
    (list_.rules_folder / "fixed.txt").write_text("||fixed.test^\n@@||cdn.test^\n")
    both = f"[{{source: fixed.txt}}, {{source: '{publisher.url}'}}]"
    (list_.rules_folder / "x.yaml").write_text(f"rules: [{{id: ads, action: deny, list: {both}}}]\n")
    list_.in_use = used("http://bank.test/", "http://cdn.test/")
    list_.update("||ads.test^\n")
    list_.update("||ads.test^\n||cdn.test^\n")
    assert list_.known.doubts == ()  # The other list excepts it.
    list_.update("||ads.test^\n||cdn.test^\n||bank.test^\n")
    assert list_.known.doubts == ("it would deny 1 host in use, such as bank.test",)
    assert (list_.known.added, list_.known.examples_added) == (1, ("||bank.test^",))
    assert blocked(list_, "fixed.test", "ads.test", "cdn.test", "bank.test") == ["fixed.test", "ads.test"]
