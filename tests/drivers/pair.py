"""The same proxy twice, with the fast lane and without, and what each makes of the same octets."""

import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from socket import SHUT_WR, create_connection, socket

from forward_proxy.addons.authority import CERTIFICATE_NAME, LeafStore, open_authority
from forward_proxy.caching import StoredResponse
from forward_proxy.policy import Policy
from forward_proxy.storage.selecting import everything
from forward_proxy.traffic.record import Record
from forward_proxy.users.proofs import Proofs
from tests.addons.engine import Running, running_engine

_WITHIN_S = 20
# What differs between two runs of anything: moments, and where the connection came from.
_MOMENTS = frozenset(("id", "started_at", "first_byte_at", "ended_at", "listener"))
# Drawn from the store's own digits: another in each store, and as long.
_BOUNDARY = re.compile(rb"(?<=--)[0-9a-f]{40}|(?<=; boundary=)[0-9a-f]{40}")
_CLOCKS = re.compile(rb"(?m)^(Age: |Cache-Status: forward-proxy; hit; ttl=|Date: ).*\r$")

type Stored = tuple[StoredResponse, bytes]


@dataclass(frozen=True)
class Seen:
    """What came back on one connection, and what was recorded, both without moments."""

    octets: bytes
    records: tuple[tuple[object, ...], ...]

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", self.octets)]


@dataclass
class Pair:
    """Both drivers with everything they need to answer alike."""

    lane: Running
    chain: Running
    ca_file: Path

    @property
    def both(self) -> tuple[Running, Running]:
        return self.lane, self.chain

    def given(self, policy: Policy, stored: Sequence[Stored] = ()) -> None:
        """From now on this policy is in force, and this is stored."""
        for running in self.both:
            running.policy = policy
            running.store.purge(everything)
            for response, content in stored:
                staging = running.store.stage(response)
                staging.write(content)
                assert staging.commit() is not None
            running.store.flush()

    def seen(self, request: bytes, tunnel: str | None = None, user: bytes = b"") -> tuple[Seen, Seen]:
        """What the lane and what the chain make of these octets; the last request asks for the connection's end.

        The CONNECT of a `tunnel` carries the credentials of a `user`.
        """
        return self._seen(self.lane, request, tunnel, user), self._seen(self.chain, request, tunnel, user)

    def _seen(self, running: Running, request: bytes, tunnel: str | None, user: bytes) -> Seen:
        before = len(running.records)
        with (
            create_connection(("127.0.0.1", running.port), timeout=_WITHIN_S) as plain,
            inside(plain, tunnel, self.ca_file, user) if tunnel else plain as client,
        ):
            client.sendall(request)
            octets = received(client)
        exchanges = len(re.findall(rb"HTTP/1\.1 [2-5][0-9]{2} ", octets))
        running.records.wait_for(before + exchanges)  # They are made right after the last octet.
        octets = _BOUNDARY.sub(b"boundary", _CLOCKS.sub(rb"\1\r", octets))
        return Seen(octets, tuple(map(without_moments, running.records[before:])))


def inside(client: socket, authority: str, ca_file: Path, user: bytes = b"") -> ssl.SSLSocket:
    """TLS through the proxy, ended by it, from a client that speaks HTTP/1.1 only."""
    credentials = b"Proxy-Authorization: " + user + b"\r\n" if user else b""
    client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n".encode() + credentials + b"\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(client, server_hostname=authority.partition(":")[0])


def received(client: socket) -> bytes:
    octets = b""
    while piece := client.recv(1 << 20):
        octets += piece
    return octets


def half_closed(client: socket) -> bytes:
    """What comes after the client has said that it sends no more."""
    client.shutdown(SHUT_WR)
    return received(client)


def without_moments(record: Record) -> tuple[object, ...]:
    if (media_type := record.content_type or "").startswith("multipart/byteranges; "):
        record = replace(record, content_type=media_type.partition(";")[0])
    return tuple(getattr(record, field.name) for field in fields(record) if field.name not in _MOMENTS)


@contextmanager
def running_pair(policy: Policy, folder: Path) -> Iterator[Pair]:
    authority: LeafStore = open_authority(folder / "ca")
    with (
        running_engine(policy, folder / "lane", fast_lane=True, authority=authority, proofs=Proofs()) as lane,
        running_engine(policy, folder / "chain", authority=authority, proofs=Proofs()) as chain,
    ):
        yield Pair(lane, chain, folder / "ca" / CERTIFICATE_NAME)
