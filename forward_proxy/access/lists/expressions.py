"""Pi-hole's regular expressions, one a line, found anywhere in the host name whatever its case.

They are POSIX extended expressions; those that our automata run are used (matching/automata.py: no expression can stall
on any name), the others are ignored with what is the matter.
"""

from forward_proxy.access.lists.reading import Reading
from forward_proxy.matching.automata import Automaton, compile_expression
from forward_proxy.matching.expressions import ExpressionError

MAX_EXPRESSIONS = 1000

_POSIX = {
    "[:alnum:]": "a-zA-Z0-9", "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:lower:]": "a-z", "[:upper:]": "A-Z",
    "[:space:]": r"\s", "[:blank:]": r" \t", "[:xdigit:]": "0-9A-Fa-f",
}  # fmt: skip


def read_expression(line: str, reading: Reading) -> None:
    expression, _, option = line.partition(";")
    if option:
        reading.ignore(f"Pi-hole's ;{option.partition('=')[0]} is not supported")
        return
    if expression in reading.expressions or len(reading.expressions) < MAX_EXPRESSIONS:
        try:
            reading.expression(expression, _automaton_of(expression))
        except ExpressionError as error:
            reading.ignore(f"regular expression: {error}")
    else:
        reading.ignore(f"more than {MAX_EXPRESSIONS} expressions")


def _automaton_of(expression: str) -> Automaton:
    """What finds the expression in a host name; raises ExpressionError."""
    for name, characters in _POSIX.items():
        expression = expression.replace(name, characters)
    return compile_expression(f"(?i){expression}")


def as_data(automaton: Automaton) -> list[object]:
    """The automaton as JSON has it."""
    classes = automaton.classes.decode("latin-1")
    return [automaton.literal, classes, list(automaton.rows), sorted(automaton.accepting)]


def of_data(literal: str, classes: str, rows: list[int], accepting: list[int]) -> Automaton:
    """The automaton that `as_data` was given."""
    return Automaton(literal, classes.encode("latin-1"), tuple(rows), frozenset(accepting))
