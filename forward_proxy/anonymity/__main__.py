"""Prints the table of docs/anonymity.md, as Markdown: `python -m forward_proxy.anonymity`."""

from forward_proxy.anonymity.table import render_table

if __name__ == "__main__":
    print(render_table())
