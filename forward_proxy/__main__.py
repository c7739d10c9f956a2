"""`python -m forward_proxy` is the command `forward-proxy`."""

from forward_proxy.cli import main

if __name__ == "__main__":
    main(prog_name="forward-proxy")
