"""Is everything in order?  Looks, asks and judges; changes nothing, and sends nothing past this machine."""
