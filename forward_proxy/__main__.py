"""`python -m forward_proxy` is the command `forward-proxy`."""

import sys

if __name__ == "__main__":
    try:
        from forward_proxy.cli import main

        main(prog_name="forward-proxy")
    except KeyboardInterrupt:
        # Only while modules are still being imported; click takes it from there.
        sys.exit(130)
