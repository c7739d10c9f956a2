"""What HTTP says: field sections, target URIs, message heads, dates.  RFC 9110 and RFC 9112; no effect anywhere."""
