"""Stored responses on disk: index, content files, eviction, recovery.  The door is `store.Store`."""
