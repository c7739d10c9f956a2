"""`forward-proxy users`: who may say to be whom, in the htpasswd file that the setting `users` names.

Passwords are asked for or read from stdin, never taken from the command line, where other programs could see them.  A
running proxy knows of a change within a second.

Exit codes: 0 done; 1 there is no such user, a line of the file does not count, or it cannot be written; 2 the command
line, a setting or the file was not understood.
"""

import json
import sys
from pathlib import Path

import bcrypt
import click

from forward_proxy.cli.common import json_option, takes_settings
from forward_proxy.cli.failures import Failure, Misuse
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.users import read_user
from forward_proxy.message.basic import normal
from forward_proxy.settings import Settings
from forward_proxy.traffic.redaction import visible
from forward_proxy.users.file import change_users, load_users
from forward_proxy.users.htpasswd import LONGEST_PASSWORD_BYTES, Users, with_user, without_user

# Some 60 ms on a machine of today.
_COST = 10


@click.group()
def users() -> None:
    """Change and check the users, who say who they are by name and password."""


def _name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    name = read_user(value)
    if isinstance(name, Unreadable):
        raise click.BadParameter(name.text, ctx, param)
    return name


@users.command()
@click.argument("name", callback=_name)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from stdin, one line.")
@takes_settings("users")
def add(settings: Settings, name: str, from_stdin: bool) -> None:
    """Add a user, or give one another password."""
    file = _file(settings)
    password = normal(_password(name, from_stdin)).encode()
    if not password or len(password) > LONGEST_PASSWORD_BYTES:
        raise Misuse(f"expected a password of 1 to {LONGEST_PASSWORD_BYTES} bytes, which is all that bcrypt looks at")
    hashed = bcrypt.hashpw(password, bcrypt.gensalt(_COST))
    change_users(file, lambda content: with_user(content, name, hashed))
    click.echo(f"{visible(name)} is a user by {visible(str(file))}")


@users.command()
@click.argument("name", callback=_name)
@takes_settings("users")
def remove(settings: Settings, name: str) -> None:
    """Remove a user; what he does is over with his next request."""
    file = _file(settings)

    def removed(content: bytes) -> bytes:
        if (left := without_user(content, name)) is None:
            raise Failure(f"{visible(str(file))}: no user is called {visible(name)}")
        return left

    change_users(file, removed)
    click.echo(f"{visible(name)} is no user any more")


@users.command("list")
@json_option
@takes_settings("users")
def list_(settings: Settings, as_json: bool) -> None:
    """List the names of the users."""
    names = sorted(_read(settings).hashes)
    if as_json:
        click.echo(json.dumps(names, ensure_ascii=False))
    else:
        for name in names:
            click.echo(visible(name))


@users.command()
@takes_settings("users")
def check(settings: Settings) -> None:
    """Say which lines of the file do not count, and why."""
    read = _read(settings)
    if read.faults:
        raise Failure("\n".join(map(visible, read.faults)))
    click.echo(f"{visible(str(_file(settings)))}: {len(read.hashes)} users")


def _read(settings: Settings) -> Users:
    return load_users(_file(settings))


def _file(settings: Settings) -> Path:
    if settings.users is None:
        raise Misuse("users is not set: name the file with --users FILE, or in the settings")
    return settings.users


def _password(name: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Misuse("there is no terminal to ask for the password on; say --stdin to have it read from there")
    prompted: str = click.prompt(f"Password of {visible(name)}", hide_input=True, confirmation_prompt=True, err=True)
    return prompted
