"""Which set would be in force with this file or folder?  For trying rules before anybody has to live with them.

A folder is the whole set.  A file takes the place of the file of its name in the folders in force; one of a new name
stands where that name puts it in the first of them, as if it had been copied there.
"""

from bisect import bisect
from collections.abc import Sequence
from pathlib import Path

from forward_proxy.access.options import Action
from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.problems import Fault, report
from forward_proxy.rulefiles.rules import Rules, Sources, compiled, load, read
from forward_proxy.rulefiles.shelf import Shelf


def candidate(
    path: Path,
    in_force: Rules,
    folders: Sequence[Path],
    zone: str | None = None,
    default: Action = "allow",
    shelf: Shelf | None = None,
) -> Rules:
    """The set with what is at `path`, sound as any that comes into force; `in_force` was loaded from the folders.

    Raises as `load` does.
    """
    if path.is_dir():
        return load([path], zone, default, shelf)
    if not path.name.endswith((".yaml", ".yml")):
        raise RuleFileError(report([Fault(str(path), None, (), "expected a folder, or a file named *.yaml or *.yml")]))
    alone = read([path], zone, default, shelf)
    if unread := [fault for fault in alone.faults if fault.mark is None]:
        raise RuleFileError(report(unread))
    return compiled(with_file(path, alone.rules.sources[0], in_force.sources, folders[0]), zone, default, shelf)


def with_file(path: Path, source: tuple[str, bytes], in_force: Sources, folder: Path) -> Sources:
    """These files with this one among them, by its name; `folder` is the first of those in force."""
    names = [Path(name).name for name, _ in in_force]
    if path.name not in names:
        return inserted(source, in_force, folder)
    place = names.index(path.name)
    return (*in_force[:place], source, *in_force[place + 1 :])


def inserted(source: tuple[str, bytes], in_force: Sources, folder: Path) -> Sources:
    """These files and this one, where its name puts it in the first folder of those in force."""
    in_first = [Path(name).name for name, _ in in_force if _is_in(Path(name), folder)]
    place = bisect(in_first, Path(source[0]).name)
    return (*in_force[:place], source, *in_force[place:])


def _is_in(file: Path, folder: Path) -> bool:
    return file.parent.absolute() == folder.absolute()
