"""Reads rule files, watches them, and hands out finished immutable rule sets."""

from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.watch import Watcher

__all__ = ["Rules", "Shelf", "Watcher", "compiled", "load"]
