"""The proxies that are compared, and how each is configured; what the machine lacks is left out by name.

All are given the same: one process, an origin, an authority to trust in it, a path to deny, a port not to look into,
and room for the largest content.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import trustme

from bench.origin import HOST, Origin
from bench.processes import ROOT, Peer, StartError, program

LANE, CHAIN, SQUID, BUMP, BARE = "lane on", "lane off", "Squid", "Squid ssl-bump", "mitmdump"
WORKERS = "two workers"
DENIED = "/denied/"

_OURS = frozenset({"cleartext", "tls", "tunnel", "cache", "rules"})
_SERVERS_USER = "proxy"  # Whom Squid becomes when root starts it, in Debian.
_SQUID = """http_port 127.0.0.1:{port}{bump}
access_log {access_log}
http_access deny denied
http_access allow localhost
http_access deny all
cache_mem 512 MB
memory_cache_mode always
maximum_object_size_in_memory 1 MB
maximum_object_size 4 GB
cache_dir aufs {folder}/cache 12000 4 4 min-size=1048577
minimum_expiry_time 0 seconds
tls_outgoing_options cafile={ca_file}
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
coredump_dir {folder}
netdb_filename none
logfile_rotate 0
pinger_enable off
shutdown_lifetime 1 second
visible_hostname localhost
workers 1
"""
_SQUID_BUMP = """sslcrtd_program {helper} -s {folder}/certificates -M 16MB
sslcrtd_children 5 startup=1
acl unread port {tunnel}
ssl_bump splice unread
ssl_bump bump all
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """The peers in the order of the table, and what is left out: name and reason."""

    peers: tuple[Peer, ...]
    left_out: dict[str, str]


def compared(origin: Origin, cores: Sequence[int]) -> Compared:
    """`cores` are those that proxies may have: one is enough for all but `WORKERS`."""
    found: list[Peer] = []
    left_out: dict[str, str] = {}
    if run_knows("--fast-lane"):
        found += [ours(origin, name, "--fast-lane", word) for name, word in ((LANE, "on"), (CHAIN, "off"))]
    else:
        left_out[LANE] = "`run` has no --fast-lane here; what it does without is measured as lane off"
        found += [ours(origin, CHAIN)]
    if not run_knows("--workers"):
        left_out[WORKERS] = "`run` has no --workers here"
    elif len(cores) < 2:
        left_out[WORKERS] = f"two free cores beside the load generator's are needed, this machine has {len(cores)}"
    else:
        found += [ours(origin, WORKERS, "--workers", "2", abilities=_OURS - {"tls", "tunnel"})]
    squid = program("squid")
    if squid is None:
        left_out |= dict.fromkeys((SQUID, BUMP), "squid is not installed (Debian: squid-openssl)")
    else:
        found += [_squid(origin, squid)]
        helper = program("security_file_certgen")
        if helper is None or "--enable-ssl-crtd" not in _said(squid, "-v"):
            left_out[BUMP] = "this squid has no ssl-bump (Debian: squid-openssl)"
        else:
            found += [_squid(origin, squid, helper)]
    if program("nginx") is None:
        left_out["nginx"] = "not installed; a slower origin takes its place, which limits misses"
    mitmdump = shutil.which("mitmdump", path=str(Path(sys.executable).parent))
    if mitmdump is None:
        left_out[BARE] = "mitmdump is not in this environment"
    else:
        found += [_bare(origin, mitmdump)]
    return Compared(tuple(found), left_out)


@cache
def run_knows(flag: str) -> bool:
    """Whether this version of the program has the flag."""
    return flag in _said(sys.executable, "-m", "forward_proxy", "run", "--help")


def ours(
    origin: Origin,
    name: str,
    *flags: str,
    abilities: frozenset[str] = _OURS,
    more: Mapping[str, object] = MappingProxyType({}),
) -> Peer:
    """This proxy; `more` are settings by their keys in the file."""

    def command(port: int, folder: Path) -> list[str]:
        (rules := folder / "rules").mkdir()
        denial = {"id": "denied", "action": "deny", "match": {"path": f"{DENIED}*"}, "reason": "To be measured"}
        unread = {"action": "never", "match": {"host": HOST, "port": str(origin.tunnel)}, "reason": "To be measured"}
        (rules / "own.yaml").write_text(json.dumps({"rules": [denial], "inspect": [unread]}))  # JSON is YAML too.
        settings = {
            "listen": f"127.0.0.1:{port}",
            "state": str(folder / "state"),
            "rules": [str(rules), str(ROOT / "rules")],
            "connect_ports": [origin.https, origin.tunnel],
            "origin_ca": str(origin.ca_file),
            "cache": {"size_limit": "12GiB", "max_content": "4GiB"},
            **more,
        }
        (folder / "settings.yaml").write_text(json.dumps(settings))
        return [sys.executable, "-m", "forward_proxy", "run", "--settings", str(folder / "settings.yaml"), *flags]

    return Peer(name, command, b"listening on ", abilities, "state/ca/forward-proxy-ca.pem")


def _squid(origin: Origin, squid: str, helper: str = "") -> Peer:
    """Plain, or with the helper that makes certificates and so with ssl-bump."""

    def command(port: int, folder: Path) -> list[str]:
        bump, text = "", f"acl denied urlpath_regex ^{DENIED}\n"
        if helper:
            authority = trustme.CA()
            authority.cert_pem.write_to_path(str(folder / "ca.pem"))
            (folder / "both.pem").write_bytes(authority.cert_pem.bytes() + authority.private_key_pem.bytes())
            bump = (
                f" ssl-bump tls-cert={folder}/both.pem generate-host-certificates=on dynamic_cert_mem_cache_size=16MB"
            )
            text += _SQUID_BUMP.format(helper=helper, folder=folder, tunnel=origin.tunnel)
            _prepared(helper, "-c", "-s", f"{folder}/certificates", "-M", "16MB")
        access_log = f"daemon:{folder}/access.log squid"
        text += _SQUID.format(port=port, bump=bump, folder=folder, ca_file=origin.ca_file, access_log=access_log)
        (configuration := folder / "squid.conf").write_text(text)
        if os.geteuid() == 0:
            for each in folder, *folder.rglob("*"):
                shutil.chown(each, _SERVERS_USER)
        # Shared memory is named after the service: one of its own for each that runs here.
        made = [squid, "-n", f"bench{port}", "-N", "-f", str(configuration)]
        _prepared(*made, "-z")
        return made

    if helper:
        return Peer(BUMP, command, b"", frozenset({"tls", "tunnel", "cache", "rules"}), "ca.pem")
    return Peer(SQUID, command, b"", frozenset({"cleartext", "tunnel", "cache", "rules"}))


def _bare(origin: Origin, mitmdump: str) -> Peer:
    def command(port: int, folder: Path) -> list[str]:
        options = {
            "confdir": folder / "mitmproxy",
            "flow_detail": 0,
            "stream_large_bodies": "1m",
            "ssl_verify_upstream_trusted_ca": origin.ca_file,
        }
        words = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
        words += ["--ignore-hosts", f":{origin.tunnel}$"]
        return [mitmdump, "-q", "--listen-host", "127.0.0.1", "--listen-port", str(port), *words]

    return Peer(BARE, command, b"", frozenset({"cleartext", "tls", "tunnel"}), "mitmproxy/mitmproxy-ca-cert.pem")


def _prepared(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(f"{command!r} failed: {done.stdout}{done.stderr}")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout + done.stderr
