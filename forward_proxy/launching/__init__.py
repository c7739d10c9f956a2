"""Runs one program through the proxy: what to tell it, a proxy of its own, and a network that leads nowhere else.

`environment` is pure; the others have the effects.
"""
