"""Do the rules load, are the lists fresh, and which ways past them are open?"""

from collections.abc import Iterator
from ipaddress import ip_address

from forward_proxy.diagnosis.findings import Finding, Level
from forward_proxy.errors import RuleFileError, TrafficError
from forward_proxy.explaining.asking import asked
from forward_proxy.explaining.rehearsal import rehearse
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.targets import Malformed
from forward_proxy.policy import Deny, Policy
from forward_proxy.policy.pages import HOST
from forward_proxy.rulefiles.rules import Rules, load
from forward_proxy.rulefiles.subscriptions import DAY_S, Subscriptions
from forward_proxy.settings import Settings
from forward_proxy.settings.options import lists_folder, log_folder, shelf_of, state_of, update_options
from forward_proxy.traffic.query import TrafficReader

_HERE = KnownClient(ip_address("127.0.0.1"))
_LATE = 3  # Times the refresh that a list may miss: the proxy may have been off over a weekend.
_RECENT = 100  # Records among which one should not be of a question such as ours.
_DOH = ("https://cloudflare-dns.com/dns-query", "https://dns.google/dns-query")


def rules(settings: Settings) -> tuple[Finding, Rules | None]:
    try:
        loaded = load(settings.rules, default=settings.default_verdict, shelf=shelf_of(settings))
    except RuleFileError as fault:
        first, *more = str(fault).splitlines()
        text = f"{first}{f' (and {len(more)} more)' if more else ''}"
        return Finding(Level.ERROR, "rules", text, "mend it; forward-proxy rules check tells all"), None
    return Finding(Level.OK, "rules", f"they load: {loaded.summary}"), loaded


def lists(settings: Settings, loaded: Rules, now: int) -> Iterator[Finding]:
    subscriptions = Subscriptions(lists_folder(settings))
    usual_s = update_options(settings).refresh_s
    for each in loaded.lists:
        entry = each.entry
        if entry.path is not None:
            continue
        known = subscriptions.known(entry)
        age_s = max(now - known.checked_at, 0)
        if not each.digest:
            because = f": {known.failure}" if known.failure else ""
            text = f"{entry.name} is not there yet, so nothing is on it{because}"
            yield Finding(Level.WARNING, "lists", text, "forward-proxy run fetches it")
        elif subscriptions.is_held(entry):
            text = f"{entry.name} has a new edition that is held: {'; '.join(known.doubts)}"
            yield Finding(Level.WARNING, "lists", text, f"forward-proxy rules lists, then rules accept {entry.name}")
        elif age_s > _LATE * known.refresh_s(entry, usual_s):
            because = f": {known.failure}" if known.failure else ""
            text = f"{entry.name} was last asked for {age_s // DAY_S} days ago{because}"
            yield Finding(Level.WARNING, "lists", text, "forward-proxy run renews it")
        else:
            yield Finding(Level.OK, "lists", f"{entry.name} is in force, asked for {age_s // 3600} h ago")


def ways_past(settings: Settings, loaded: Rules, now: int) -> Iterator[Finding]:
    """What can be known of them here: whether rules deny DNS over HTTPS.  The rest never comes to a proxy."""
    policy = Policy(state_of(settings, loaded))
    denied = []
    for url in _DOH:
        request = asked(url)
        if not isinstance(request, Malformed):
            denied.append(isinstance(rehearse(policy, request, _HERE, now).decision, Deny))
    if all(denied):
        yield Finding(Level.OK, "by-pass", "DNS over HTTPS through the proxy is denied")
    else:
        text = "DNS over HTTPS is let through: names can be looked up past a filtering resolver, pages still come here"
        yield Finding(Level.NOTE, "by-pass", f"{text}; rules/optional/40-bypass.yaml denies it")
    yield Finding(
        Level.NOTE,
        "by-pass",
        "a browser that is set to this proxy uses no QUIC (HTTP/3); what is not set to it may, unseen: "
        "only a firewall that drops UDP port 443 prevents it",
    )


def in_use(settings: Settings, now: float) -> Finding:
    try:
        latest = [each for each in TrafficReader(log_folder(settings)).tail(_RECENT) if each.host != HOST]
    except TrafficError as fault:
        return Finding(Level.WARNING, "use", str(fault), "see forward-proxy log stats")
    if not latest:
        text = "nobody has asked for anything: is a browser set to it?"
        return Finding(Level.NOTE, "use", f"{text} forward-proxy browser starts one that is")
    minutes = int(max(now - latest[0].started_at, 0)) // 60
    since = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
    return Finding(Level.OK, "use", f"the last exchange was {since} ago, of {latest[0].client}")
