"""What do the rules of other proxies and blockers say here?  Each reader gives entries, and tells of every line.

What cannot be said exactly is not said at all, but told with its line and why.
"""
