"""How much a message may tell about its sender."""

from enum import StrEnum


class Level(StrEnum):
    """`off` hides nothing, `standard` breaks no login, `strict` gives up comfort to look like many others."""

    OFF = "off"
    STANDARD = "standard"
    STRICT = "strict"
