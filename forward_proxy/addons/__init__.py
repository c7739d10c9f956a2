"""Driver 1: mitmproxy.  Parse, ask the policy, act; every hook a few lines, every fault closed."""
