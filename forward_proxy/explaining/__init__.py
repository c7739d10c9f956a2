"""What would become of a request, and why?  The policy asked for its reasons; nothing is sent."""
