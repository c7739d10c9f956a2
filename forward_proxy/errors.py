"""Faults we did not foresee as outcomes.  An outcome (a denial, a miss) is a value, never one of these."""


class ForwardProxyError(Exception):
    """Base of every fault this program raises on purpose; its text is written for the operator."""


class SettingsError(ForwardProxyError):
    """A setting could not be understood; names where it came from and what was expected."""


class StartError(ForwardProxyError):
    """What was asked for is sound, but this machine does not allow it now: an address in use, a folder not ours."""


class RuleFileError(ForwardProxyError):
    """Rule files could not be loaded; carries every problem found, one a line."""


class StorageError(ForwardProxyError):
    """The store of responses could not be read or written."""


class TrafficError(ForwardProxyError):
    """The traffic log could not be read or written."""
