"""What becomes of the lines of one field name: the words for the table and the function that does it, side by side."""

from collections.abc import Callable
from dataclasses import dataclass

from forward_proxy.anonymity.exchange import Exchange

type Lines = tuple[bytes, ...]
type Rewrite = Callable[[Exchange, Lines], Lines]


def _kept(_: Exchange, lines: Lines) -> Lines:
    return lines


def _dropped(_: Exchange, _lines: Lines) -> Lines:
    return ()


@dataclass(frozen=True, slots=True)
class Treatment:
    """`rewrite` turns the values received into the values sent, none meaning that the field goes.

    It never raises, and applied to its own result it changes nothing.  `adds` says that it is asked even where the
    field is absent.
    """

    says: str
    rewrite: Rewrite
    adds: bool = False


KEEP = Treatment("kept", _kept)
DROP = Treatment("dropped", _dropped)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    A name is written as people write it; with a star at its end or its beginning it stands for every name that begins
    or ends so, unless that name has a row of its own.
    """

    names: tuple[str, ...]
    standard: Treatment
    strict: Treatment
    why: str
    source: str
    off: Treatment = KEEP
