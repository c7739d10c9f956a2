"""Whose credentials are tried."""

import asyncio
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.addons.passing import PROVES
from forward_proxy.addons.proving import Proving
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy.authentication import Authentication
from forward_proxy.users.proofs import Proofs
from tests.policy.building import policy
from tests.users.passwords import HASHES, credentials


@pytest.mark.parametrize(("address", "waits"), [("127.0.0.1", True), ("10.0.0.1", True), ("192.0.2.1", False)])
def test_who_may_not_use_the_proxy_has_no_password_tried(tmp_path: Path, address: str, waits: bool) -> None:
    options = AccessOptions(allow_clients=(ip_network("10.0.0.0/8"),))
    serving = policy(tmp_path, authentication=Authentication(HASHES), access_options=options)
    flow, client = tflow.tflow(), KnownClient(ip_address(address))
    flow.request.headers = http.Headers([(b"Proxy-Authorization", credentials("alice"))])
    known = Proving(Proofs()).begin(flow, client, serving)
    assert (known is None, flow.metadata.get(PROVES, False)) == (waits, waits)
    assert known in (None, client)
    proof = asyncio.run(Proving(Proofs()).prove(credentials("alice"), client.address, serving))
    assert (proof is not None) == waits
