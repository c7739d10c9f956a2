"""Several processes that are one proxy: who starts them, what they share, how they end.

The parent forks the workers and serves nothing itself.  It runs neither thread nor event loop, because a fork copies
only the thread that forks.
"""
