"""mitmproxy finds hooks by spelling; a misspelt one would be silently dead."""

import inspect

import mitmproxy.addons.proxyserver
import mitmproxy.proxy.layers  # noqa: F401  (its hooks register themselves)
import pytest
from mitmproxy import hooks

from forward_proxy.addons.answering import Answering
from forward_proxy.addons.driver import Driver
from forward_proxy.addons.engine import HOOKS
from forward_proxy.addons.layers import PolicyNextLayer
from forward_proxy.addons.purging import Purging
from forward_proxy.addons.tunnels import Tunnels

# What others of ours call, or call in place of a hook.
NO_HOOKS = {
    Answering: {"answer", "finish", "serve"},
    Driver: {"authentication", "busy", "foresee", "forget", "login_refused", "prove_login", "refuse", "turned_away"},
    Purging: {"begin"},
    Tunnels: {"authority", "client", "connect_proved", "enter", "opens", "relays", "spoke", "tunnel"},
}


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_we_listen_to_is_a_real_one(name: str) -> None:
    assert name in hooks.all_hooks


@pytest.mark.parametrize("addon", [Answering, Driver, Purging, Tunnels])
def test_every_public_method_of_an_addon_is_a_hook_that_is_dispatched(addon: type) -> None:
    public = {name for name, _ in inspect.getmembers(addon, inspect.isfunction) if not name.startswith("_")}
    assert public - NO_HOOKS[addon] <= set(HOOKS)


def test_the_choice_of_layers_is_dispatched() -> None:
    assert "next_layer" in HOOKS
    assert callable(PolicyNextLayer.next_layer)
