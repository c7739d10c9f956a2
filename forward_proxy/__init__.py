"""A forward proxy that blocks by rules, anonymises header fields, caches on disk and logs what happened and why."""

__version__ = "0.1.0"
