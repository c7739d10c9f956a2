"""Driver 2: the HTTP/1.1 lane that answers denials and fresh hits itself, and hands everything else over verbatim.

It asks the same policy as driver 1 and acts on less: what needs no origin.  It knows nothing of mitmproxy; `app` gives
it a handover made by `addons`.  Turned off, it changes speed and never an answer.
"""
