"""What `PolicyHttpLayer` does in mitmproxy's place must stay all that mitmproxy's layer does."""

from collections.abc import Iterator

from mitmproxy.proxy.layers import http
from mitmproxy.proxy.layers.http._base import HttpCommand, ReceiveHttp

from forward_proxy.addons.streams import FreshConnection, OriginWanted


def kinds(of: type) -> Iterator[type]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_command_between_http_layers_is_passed_on() -> None:
    """One more would be sent to a connection handler that knows nothing of it."""
    ours = {OriginWanted, FreshConnection}
    assert set(kinds(HttpCommand)) - ours == {
        ReceiveHttp,
        http.SendHttp,
        http.DropStream,
        http.GetHttpConnection,
        http.RegisterHttpConnection,
    }
