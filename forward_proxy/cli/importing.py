"""`forward-proxy import`: another program's configuration as rule files, and what became of every line of it.

Exit codes: 0 written; 1 nothing could be written; 2 the command line was not understood, or the file.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from forward_proxy.cli.common import json_option
from forward_proxy.cli.failures import Failure, Misuse
from forward_proxy.cli.screen import columns, said, show
from forward_proxy.importing.carried import Imported
from forward_proxy.importing.formats import FORMATS, MAX_BYTES, format_of
from forward_proxy.importing.writing import rule_file
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.rulefiles.rules import compiled

_ORDER = 40  # After what is shipped to protect the machine and before examples.


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
              help="The folder to write into; made if it is not there.")  # fmt: skip
@click.option("--from", "given", type=click.Choice(tuple(FORMATS)), help="The format, when the file does not tell.")
@json_option
def import_rules(file: Path, folder: Path, given: str | None, as_json: bool) -> None:
    """Write the rules of another program as rule files.

    FILE is squid.conf, Privoxy actions, AdGuardHome.yaml or a Pi-hole teleporter.  What cannot be said exactly is not
    written; every line is told with what became of it.  Nothing that is there already is overwritten, and nothing comes
    into force unless DIR is one of the folders of rules.
    """
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Misuse(f"{file}: larger than {MAX_BYTES} bytes")
    name = given or format_of(content)
    if name is None:
        raise Misuse(f"{file}: expected one of {', '.join(FORMATS)}; --from says which")
    imported = FORMATS[name](content)
    if isinstance(imported, Unreadable):
        raise Misuse(f"{file}: {imported.text}")
    imported.leave_files(lambda path: Path(path).is_absolute() and Path(path).is_file())
    written = _write(imported, name, file, folder) if imported.in_force else None
    if as_json:
        click.echo(json.dumps(_data(imported, name, written), indent=2))
    else:
        show(*_shown(imported, file, written))
    if written is None:
        raise Failure(f"{file}: nothing of it can be said in rules, so nothing is written")


def _write(imported: Imported, name: str, file: Path, folder: Path) -> Path:
    path = folder / f"{_ORDER}-{name}.yaml"
    printable = "".join(char if char.isprintable() else "?" for char in file.name)
    text = rule_file(imported, f"From {printable}, by forward-proxy import.").encode()
    compiled(((str(path), text),))  # Whatever is wrong with it is told rather than written.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as new:
            new.write(text)
    except FileExistsError:
        raise Failure(f"{path}: is there already; remove it or choose another folder") from None
    except OSError as fault:
        raise Failure(f"{path}: cannot be written: {fault.strerror}") from None
    return path


def _data(imported: Imported, name: str, written: Path | None) -> dict[str, Any]:
    return {
        "format": name,
        "file": str(written) if written else None,
        "entries": len(imported.in_force),
        "lines": [asdict(line) for line in imported.lines],
        "remarks": imported.remarks,
    }


def _shown(imported: Imported, file: Path, written: Path | None) -> Iterator[RenderableType]:
    table = columns("line", "what became of it", "", "text", whole=("what became of it",))
    for line in imported.lines:
        table.add_row(*map(said, (f"{file.name}:{line.place}", line.outcome, line.detail, line.text)))
    yield table
    for remark in imported.remarks:
        yield said(remark, "dim")
    counts = Counter(line.outcome for line in imported.lines)
    yield Text()
    told = f"{counts['carried']} carried, {counts['setting']} for the settings, {counts['not carried']} not carried"
    entries = f"{len(imported.in_force)} {'entry' if len(imported.in_force) == 1 else 'entries'}"
    yield said(f"{entries} written to {written}; {told}" if written else told, "bold")
