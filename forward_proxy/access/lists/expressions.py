"""Pi-hole's regular expressions, one a line, found anywhere in the host name whatever its case.

They are POSIX extended expressions; those that our automata run are used (matching/automata.py: no expression can stall
on any name), the others are ignored with what is the matter.
"""

from forward_proxy.access.lists.reading import Reading
from forward_proxy.matching.automata import Automaton, compile_expression
from forward_proxy.matching.expressions import ExpressionError

_POSIX = {
    "[:alnum:]": "a-zA-Z0-9", "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:lower:]": "a-z", "[:upper:]": "A-Z",
    "[:space:]": r"\s", "[:blank:]": r" \t", "[:xdigit:]": "0-9A-Fa-f",
}  # fmt: skip


def read_expression(line: str, reading: Reading) -> None:
    expression, _, option = line.partition(";")
    if option:
        reading.ignore(f"Pi-hole's ;{option.partition('=')[0]} is not supported")
        return
    try:
        automaton_of(expression)
    except ExpressionError as error:
        reading.ignore(f"regular expression: {error}")
    else:
        reading.expression(expression)


def automaton_of(expression: str) -> Automaton:
    """What finds the expression in a host name; raises ExpressionError."""
    for name, characters in _POSIX.items():
        expression = expression.replace(name, characters)
    return compile_expression(f"(?i){expression}")
