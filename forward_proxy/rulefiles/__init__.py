"""Reads rule files, watches them, and hands out finished immutable rule sets."""

from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.watch import Watcher

__all__ = ["Rules", "Watcher", "compiled", "load"]
