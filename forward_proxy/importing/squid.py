"""What does a squid.conf say in rules?  Squid's documentation of acl, http_access, cache, http_port and cache_dir.

`http_access` lines are asked in order, and the first whose ACLs all match decides, as with rules here; when none does,
it is the opposite of the last one.  The values of one ACL are alternatives.  An ACL name stands for what was said of it
up to the end of the file.  Of a line whose ACLs cannot all be said, nothing is carried.  A file of dstdomain values is
a list.

Squid sees of an https site the CONNECT alone unless it bumps TLS; here the requests inside are seen too, and judged by
the same rules.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, summarize_address_range
from typing import Literal

from forward_proxy.importing.carried import Entry, Imported, Line, Match, Source, Values, cut
from forward_proxy.importing.expressions import about_host, about_path, about_url
from forward_proxy.matching.clients import read_network
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.message.hosts import canonical_host, ip_literal

_DAYS = {"S": "sun", "M": "mon", "T": "tue", "W": "wed", "H": "thu", "F": "fri", "A": "sat", "D": "mon-fri"}
_WINDOW = re.compile(
    r"(?=\S)(?P<days>[SMTWHFAD]+)?(?:(?:(?<=\S) )?(?P<from_h>[0-9]{1,2}):(?P<from_m>[0-9]{2})"
    r"-(?P<to_h>[0-9]{1,2}):(?P<to_m>[0-9]{2}))?"
)
_RANGE = re.compile(r"([0-9.]+|[0-9a-fA-F:]+)-([0-9.]+|[0-9a-fA-F:]+)")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_FILE = re.compile(r'"/[^"]+"')
_LISTEN = re.compile(r"(?:(\[[0-9a-fA-F:]+\]|[0-9.]+):)?([0-9]{1,5})")
_ACCESS = {"http_access": "rules", "cache": "cache", "no_cache": "cache"}
_BUILT_IN: dict[str, tuple[str, tuple[str, ...]]] = {
    "all": ("src", ("all",)),
    "localhost": ("src", ("127.0.0.1", "::1")),
    "CONNECT": ("method", ("CONNECT",)),
}
_OF_SQUID_ITSELF = {
    "manager": "acl manager is about pages of Squid's own, which there are none of here",
    "to_localhost": "acl to_localhost is about addresses; those of this machine are for clients on it alone anyway",
    "to_linklocal": "acl to_linklocal is about addresses; those are for clients on this machine alone anyway",
}
_MAX_VALUES = 200_000
_REMARKS = (
    "Squid looks up the name of a host that is an address, and the address of a client's name; rules here do not.",
    "Squid takes all escapes out of a URL before it looks for an expression; rules keep those that tell, such as %2F.",
    "Other machines are served only if the setting allow_clients names them, whatever rules say.",
    "CONNECT may name port 443 only, unless the setting connect_ports names others, whatever rules say.",
)


@dataclass(slots=True)
class _Acl:
    type: str
    values: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class _Directive:
    line: int
    text: str
    name: str
    words: tuple[str, ...]


def read_squid(text: str) -> Imported:
    """Entries and report; every directive of the file has a line in it.  Never raises."""
    found = Imported(remarks=list(_REMARKS))
    directives = list(_directives(text))
    acls = _acls(directives, found)
    told = {line.place for line in found.lines}
    allowed_from_cache = False
    last: Literal["allow", "deny"] | None = None
    for each in directives:
        if each.name == "acl":
            continue
        if each.name in _ACCESS and each.words and each.words[0] in ("allow", "deny"):
            action: Literal["allow", "deny"] = "allow" if each.words[0] == "allow" else "deny"
            if each.name == "http_access":
                last = action
                _access(each, action, acls, found)
            elif action == "allow" or allowed_from_cache:
                allowed_from_cache = True
                found.leave(str(each.line), each.text, "which exempts from later lines: a cache entry only says bypass")
            else:
                _bypass(each, acls, found)
        else:
            _other(each, found)
    _tell_of_acls([each for each in directives if each.name == "acl" and str(each.line) not in told], directives, found)
    if not any(entry.match == {} and not entry.lists for entry in found.entries if entry.action is not None):
        _by_default(last, directives, found)
    return found


def _directives(text: str) -> Iterator[_Directive]:
    """Lines without comments; one that ends with a backslash goes on in the next."""
    number, waiting, begun = 0, "", 0
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        line = raw if waiting else raw.strip()
        if not waiting:
            begun = number
            if not line or line.startswith("#"):
                continue
        if line.endswith("\\"):
            waiting += line[:-1].rstrip() + " "
            continue
        words = (waiting + line).split()
        waiting = ""
        if words:
            yield _Directive(begun, " ".join(words), words[0], tuple(_uncommented(words[1:])))
    if waiting.split():
        words = waiting.split()
        yield _Directive(begun, " ".join(words), words[0], tuple(words[1:]))


def _uncommented(words: list[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("#"):
            return
        yield word


def _acls(directives: list[_Directive], found: Imported) -> dict[str, _Acl]:
    acls = {name: _Acl(type_, list(values)) for name, (type_, values) in _BUILT_IN.items()}
    count = 0
    for each in directives:
        if each.name != "acl":
            continue
        if len(each.words) < 2:
            found.leave(str(each.line), each.text, "expected a name and a type")
            continue
        name, type_, *values = each.words
        known = acls.get(name)
        if known is None:
            known = acls[name] = _Acl(type_)
        if known.type != type_:
            known.broken = f"acl {name} has two types"
        while values and (values[0].startswith("-") or values[0] == "+i"):
            flag = values.pop(0)
            if flag not in ("-i", "+i", "-n", "--"):
                known.broken = f"acl {name} has the flag {flag}"
            known.flags.add(flag)
        files = [value for value in values if value.startswith('"')]
        if files and type_ == "dstdomain" and all(map(_FILE.fullmatch, files)):
            known.files += (file.strip('"') for file in files)
            values = [value for value in values if value not in files]
        elif files:
            known.broken = f"the values of acl {name} are in another file"
        if type_ == "time" and values:
            values = [" ".join(values)]  # One window a line.
        count += len(values)
        if count > _MAX_VALUES:
            known.broken = "more values than are read"
            continue
        known.values += values
        if known.broken:
            found.leave(str(each.line), each.text, known.broken)
    return acls


def _access(each: _Directive, action: Literal["allow", "deny"], acls: dict[str, _Acl], found: Imported) -> None:
    place = str(each.line)
    names, files = _listed(each.words[1:], acls)
    match = files if isinstance(files, Unreadable) else {} if files and not names else _match(names, acls)
    if isinstance(match, Unreadable) or isinstance(files, Unreadable):
        why = match.text if isinstance(match, Unreadable) else ""
        found.leave(place, each.text, f"{why}; what it decided falls to the rules after it")
        return
    lists = tuple(Source(place, each.text, file, "dstdomain") for file in files)
    found.carry(place, each.text, Entry(f"squid-{place}", action, match, f"Squid: {each.text}"[:400], lists))


def _listed(names: tuple[str, ...], acls: dict[str, _Acl]) -> tuple[tuple[str, ...], tuple[str, ...] | Unreadable]:
    """The ACLs whose values are here, and the files of the one whose values are in files."""
    listed = [name for name in names if (acl := acls.get(name.removeprefix("!"))) and acl.files and not acl.broken]
    others = tuple(name for name in names if name not in listed)
    if not listed:
        return others, ()
    name, acl = listed[0], acls[listed[0].removeprefix("!")]
    if name.startswith("!"):
        return others, Unreadable(f"{name}: a rule is about what is on a list, not about what is on none")
    if len(set(listed)) > 1:
        return others, Unreadable(f"{' and '.join(listed)} are lists, and what is on one is not on both")
    if acl.values:
        return others, Unreadable(f"acl {name} has values in a file and here; split the acl")
    return others, tuple(dict.fromkeys(acl.files))


def _bypass(each: _Directive, acls: dict[str, _Acl], found: Imported) -> None:
    match = _match(each.words[1:], acls)
    if isinstance(match, Unreadable):
        found.leave(str(each.line), each.text, match.text)
    else:
        found.carry(str(each.line), each.text, Entry(f"squid-{each.line}", None, match, f"Squid: {each.text}"[:400]))


def _tell_of_acls(acls: list[_Directive], directives: list[_Directive], found: Imported) -> None:
    """Whether what an acl says is in any entry."""
    entries = {line.place: line.detail for line in found.lines if line.outcome == "carried"}
    used: dict[str, list[str]] = {}
    for each in directives:
        if each.name in _ACCESS and str(each.line) in entries:
            for name in each.words[1:]:
                used.setdefault(name.removeprefix("!"), []).append(entries[str(each.line)])
    for acl in acls:
        if ids := used.get(acl.words[0]):
            found.lines.append(Line(str(acl.line), cut(acl.text), "carried", ", ".join(ids)[:200]))
        else:
            found.leave(str(acl.line), acl.text, "no line that is carried asks for it")
    found.lines.sort(key=lambda line: int(line.place))


def _by_default(last: str | None, directives: list[_Directive], found: Imported) -> None:
    """What Squid does when no line matches: the opposite of the last, and deny without any."""
    number = str(max((each.line for each in directives), default=1))
    default = "deny" if last in (None, "allow") else "allow"
    found.set(number, "(what is decided when no http_access matches)", f"default_verdict: {default}")


def _match(names: tuple[str, ...], acls: dict[str, _Acl]) -> Match | Unreadable:
    """One match for ACLs that must all hold."""
    if not names:
        return Unreadable("it names no acl")
    match: dict[str, Values] = {}
    negated: dict[str, Values] = {}
    for name in names:
        bare = name.removeprefix("!")
        acl = acls.get(bare)
        if acl is None:
            return Unreadable(_OF_SQUID_ITSELF.get(bare, f"acl {bare} is not defined here"))
        said = _said(bare, acl, name.startswith("!"))
        if isinstance(said, Unreadable):
            return said
        key, values, positive = said
        if key is None:
            if positive:
                continue
            return Unreadable(f"{name} matches nothing")
        into = match if positive else negated
        if into.get(key, values) != values:
            return Unreadable(f"two different ACLs about {key}")
        into[key] = values
    if len(negated) > 1:
        return Unreadable(f"not {' and not '.join(negated)} at once")
    return {**match, "not": negated} if negated else match


def _said(name: str, acl: _Acl, negated: bool) -> tuple[str | None, Values, bool] | Unreadable:
    """Key and values of an ACL, and whether they are to hold; key None when everything does."""
    if acl.broken is not None:
        return Unreadable(acl.broken)
    if acl.files:
        return Unreadable(f"the values of acl {name} are in another file")
    if not acl.values:
        return Unreadable(f"acl {name} has no value")
    if acl.type == "src" and "all" in acl.values:
        return None, (), not negated
    if acl.type not in _READERS:
        return Unreadable(f"acl {name} is of type {acl.type}, for which rules have no key")
    said = _READERS[acl.type](acl)
    if isinstance(said, Unreadable):
        return Unreadable(f"acl {name}: {said.text}")
    key, values = said
    if not negated:
        return key, values, True
    if key == "port":
        others = _other_ports(values)
        return Unreadable(f"acl {name} has every port") if not others else ("port", others, True)
    if key in ("url", "method") and values != ("CONNECT",):
        return Unreadable(f"!{name}: of a tunnel it is not known what is inside, so rules do not negate {key} for it")
    return key, values, False


def _source(acl: _Acl) -> tuple[str, Values] | Unreadable:
    networks: list[str] = []
    for value in acl.values:
        if given := _RANGE.fullmatch(value.partition("/")[0]):
            try:
                first, last = ip_address(given[1]), ip_address(given[2])
                networks += map(str, summarize_address_range(first, last))
            except (ValueError, TypeError):
                return Unreadable(f"{value} is no range of addresses")
            if "/" in value and not value.endswith(("/32", "/255.255.255.255", "/128")):
                return Unreadable(f"{value} is a range of networks")
            continue
        if isinstance(network := read_network(value), Unreadable):
            return network
        networks.append(str(network))
    return "client", tuple(networks)


def _hosts(acl: _Acl) -> tuple[str, Values] | Unreadable:
    hosts = []
    for value in acl.values:
        name = value.removeprefix(".")
        host = canonical_host(name)
        if host is None or "*" in name:
            return Unreadable(f"{value} is no host")
        hosts.append(host if value.startswith(".") or ip_literal(host) is not None else f"={host}")
    return "host", tuple(hosts)


def _ports(acl: _Acl) -> tuple[str, Values] | Unreadable:
    for value in acl.values:
        given = _PORTS.fullmatch(value)
        if given is None or not 0 <= int(given[1]) <= int(given[2] or given[1]) < 65536:
            return Unreadable(f"{value} is no port or range of ports")
    ranges = [_range(value) for value in acl.values]
    shown = [_shown(max(low, 1), high) for low, high in ranges if high]
    return ("port", tuple(shown)) if shown else Unreadable("port 0 alone matches nothing")


def _range(value: str) -> tuple[int, int]:
    low, _, high = value.partition("-")
    return int(low), int(high or low)


def _shown(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _other_ports(values: Values) -> tuple[str, ...]:
    """Every port but these."""
    others, free = [], 1
    for low, high in sorted(_range(str(value)) for value in values):
        if low > free:
            others.append(_shown(free, low - 1))
        free = max(free, high + 1)
    return (*others, _shown(free, 65535)) if free < 65536 else tuple(others)


def _methods(acl: _Acl) -> tuple[str, Values] | Unreadable:
    return "method", tuple(acl.values)


def _expressions(acl: _Acl) -> tuple[str, Values] | Unreadable:
    any_case = "-i" in acl.flags
    if "+i" in acl.flags:
        return Unreadable("it is both -i and +i")
    reads = {"dstdom_regex": about_host, "url_regex": about_url, "urlpath_regex": about_path}
    found: dict[str, list[str]] = {}
    for value in acl.values:
        said = reads[acl.type](value, any_case=any_case)
        if isinstance(said, Unreadable):
            return Unreadable(f"{value}: {said.text}")
        for key, expression in said.items():
            found.setdefault(key, []).append(str(expression))
    if len(found) > 1:
        return Unreadable("some of its values are hosts and others expressions; split the acl")
    ((key, expressions),) = found.items()
    return key, tuple(expressions)


def _times(acl: _Acl) -> tuple[str, Values] | Unreadable:
    windows = []
    for value in acl.values:
        given = _WINDOW.fullmatch(value)
        if given is None:
            return Unreadable(f"{value}: expected days such as MTWHF, hours such as 9:00-17:30, or both")
        window: dict[str, Values] = {}
        if given["days"]:
            window["days"] = tuple(_DAYS[letter] for letter in given["days"])
        if given["from_h"]:
            begins = int(given["from_h"]) * 60 + int(given["from_m"])
            ends = int(given["to_h"]) * 60 + int(given["to_m"])
            if not begins <= ends < 24 * 60:
                return Unreadable(f"{value} does not lie within one day")
            window |= {"from": _o_clock(begins), "to": _o_clock(ends + 1)}  # Squid's last minute belongs to it.
        windows.append(window)
    return "time", tuple(windows)


def _o_clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _unnamed(acl: _Acl) -> tuple[str, Values] | Unreadable:
    return Unreadable("rules know the name that is asked for, not the address it resolves to")


_READERS = {
    "src": _source,
    "dst": _unnamed,
    "dstdomain": _hosts,
    "port": _ports,
    "method": _methods,
    "dstdom_regex": _expressions,
    "url_regex": _expressions,
    "urlpath_regex": _expressions,
    "time": _times,
}


def _other(each: _Directive, found: Imported) -> None:
    place = str(each.line)
    match each.name, each.words:
        case "http_port", (address,):
            given = _LISTEN.fullmatch(address)
            if given is None or not 0 < int(given[2]) < 65536:
                found.leave(place, each.text, "expected a port, or an address and a port")
            else:
                everywhere = "0.0.0.0"  # noqa: S104  # As Squid has it, and said aloud.
                found.set(place, each.text, f'listen: "{given[1] or everywhere}:{given[2]}"')
        case "http_port", _:
            found.leave(place, each.text, "its options have no counterpart")
        case "cache_dir", (_, _, size, *_) if size.isdecimal() and len(size) < 10:
            found.set(place, each.text, f"cache: {{ size_limit: {int(size)}MiB }}")
        case "include", _:
            found.leave(place, each.text, "another file; import it by itself, after putting its lines in this place")
        case _:
            found.leave(place, each.text, "no rule and no setting says this")
