"""Tools for those who work on the program: `python -m bench` measures it, `python -m bench.pictures` draws it."""
