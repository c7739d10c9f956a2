"""Has the stores of trust of this user, or of this machine, trust the proxy's CA, and takes that back exactly."""
