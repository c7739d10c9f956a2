"""What is a setting?  A field of a settings class that also says its kind, default, flag and meaning.

The class body is the only table there is: the file, the environment, the flags of every command and the tests of the
documentation all take their names from it.  A key is the section's name and the field's, without the unit `_s` or
`_bytes`, because in a file the unit stands in the value.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, is_dataclass, replace
from typing import Any, cast

from forward_proxy.settings.kinds import Kind

ENVIRONMENT_PREFIX = "FORWARD_PROXY_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    `default` is spelled as a user would, one text for each member; it is empty when the setting is left unset and
    None when it depends on the machine.  `attribute` is the path of the field, as ("cache", "reserve_bytes").
    """

    kind: Kind[Any]
    default: tuple[str, ...] | None
    meaning: str
    flag: str | None
    many: bool
    key: str = ""
    attribute: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """The name of its environment variable."""
        return ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()

    def value(self, members: tuple[object, ...]) -> object:
        """What the field holds, given the parsed members."""
        return members if self.many else members[0] if members else None

    def texts(self, value: object) -> tuple[str, ...]:
        """The spelling of each member of a value of this setting."""
        members = cast(tuple[object, ...], value) if self.many else () if value is None else (value,)
        return tuple(self.kind.text(member) for member in members)


def one[T](kind: Kind[T], default: str | None, meaning: str, flag: str | None = None) -> T:
    """Declares a setting with exactly one value."""
    return cast(T, _field(Setting(kind, None if default is None else (default,), meaning, flag, many=False)))


def optional[T](kind: Kind[T], meaning: str, flag: str | None = None) -> T | None:
    """Declares a setting with one value or none."""
    return cast(T | None, _field(Setting(kind, (), meaning, flag, many=False)))


def many[T](kind: Kind[T], default: tuple[str, ...] | None, meaning: str, flag: str | None = None) -> tuple[T, ...]:
    """Declares a setting with a list of values."""
    return cast(tuple[T, ...], _field(Setting(kind, default, meaning, flag, many=True)))


def declared(settings: type) -> Iterator[Setting]:
    """Every setting of a settings class and of the sections in it, in the order they are written."""
    for each in fields(settings):
        if (setting := each.metadata.get("setting")) is not None:
            yield replace(setting, key=_key(each.name), attribute=(each.name,))
        elif is_dataclass(each.type):
            for inner in declared(cast(type, each.type)):
                yield replace(inner, key=f"{each.name}.{inner.key}", attribute=(each.name, *inner.attribute))


def _field(setting: Setting) -> Field[Any]:
    metadata = {"setting": setting}
    if setting.default is None:
        return cast(Field[Any], field(metadata=metadata))
    value = setting.value(tuple(setting.kind.parse(text) for text in setting.default))
    return cast(Field[Any], field(default=value, metadata=metadata))


def _key(name: str) -> str:
    return name.removesuffix("_s").removesuffix("_bytes")
