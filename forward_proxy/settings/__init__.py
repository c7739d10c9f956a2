"""What was the program asked to do?  One frozen `Settings`, from defaults, a file, the environment and flags."""

from forward_proxy.settings.declared import Setting
from forward_proxy.settings.load import load_settings
from forward_proxy.settings.model import SETTINGS, Settings, Source

__all__ = ["SETTINGS", "Setting", "Settings", "Source", "load_settings"]
