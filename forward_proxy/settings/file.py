"""What does the settings file say?  YAML: settings, and sections that hold settings; each value is text or a list."""

from pathlib import Path

from forward_proxy.rulefiles.tree import MAX_BYTES, Mark, Node, TreeError, read_tree
from forward_proxy.settings.declared import Setting
from forward_proxy.settings.given import Given, Reading, Text, suggestion
from forward_proxy.settings.model import BY_KEY, Source

_SECTIONS = tuple(dict.fromkeys(key.partition(".")[0] for key in BY_KEY if "." in key))


def read_file(path: Path) -> Reading:
    """Everything in this file; relative paths in it start at its folder.  Never raises."""
    reading = _FileReading(path)
    try:
        with path.open("rb") as file:
            reading.read(read_tree(file.read(MAX_BYTES + 1)))
    except OSError as fault:
        reading.problems.append(f"{path}: the settings file cannot be read: {fault.strerror}")
    except TreeError as fault:
        reading.problem(fault.mark, str(fault))
    return reading


class _FileReading(Reading):
    """A reading under way."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def read(self, root: Node) -> None:
        self._members(root, section="")

    def _members(self, node: Node, section: str) -> None:
        if isinstance(node.value, dict):
            for name, value in node.value.items():
                self._member(name, value, node.key_marks[name], section)
        elif node.value is not None:  # A section whose lines are all comments has no value.
            where = f"{section}: " if section else ""
            self.problem(node.mark, f"{where}expected settings, each as NAME: VALUE")

    def _member(self, name: str, value: Node, mark: Mark, section: str) -> None:
        key = f"{section}.{name}" if section else name
        if not section and name in _SECTIONS:
            self._members(value, name)
        elif "." in name:
            self.problem(mark, f"{key}: no such setting; what belongs to a section stands indented below its name")
        elif key in BY_KEY:
            self._setting(BY_KEY[key], value, mark)
        else:
            self.problem(mark, f"{key}: no such setting{suggestion(key, (*BY_KEY, *_SECTIONS))}")

    def _setting(self, setting: Setting, value: Node, mark: Mark) -> None:
        members = value.value if setting.many and isinstance(value.value, tuple) else (value,)
        texts = tuple(Text(member.value, self._at(member.mark)) for member in members if isinstance(member.value, str))
        if len(texts) == len(members):
            self.given.append(Given(setting, texts, Source("file", self._at(mark)), self._path.parent))
            return
        form = "one value or a list of values, each" if setting.many else "one value,"
        self.problem(value.mark, f"{setting.key}: expected {form} {setting.kind.expected}")

    def problem(self, mark: Mark, text: str) -> None:
        self.problems.append(f"{self._at(mark)}: {text}")

    def _at(self, mark: Mark) -> str:
        return f"{self._path}:{mark.line}:{mark.column}"
