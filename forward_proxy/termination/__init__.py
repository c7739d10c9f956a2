"""Where TLS of clients ends: inside a tunnel that is inspected, and before the proxy itself."""
