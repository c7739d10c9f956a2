"""How a command ends when it cannot do what it was asked: one message on stderr and an exit code scripts can tell."""

from typing import IO, Any

import click

from forward_proxy.errors import ForwardProxyError, RuleFileError, SettingsError

EXIT_FAULT = 1
EXIT_MISUSE = 2  # Also click's own code for a command line it does not understand.


class Failure(click.ClickException):
    """Ends the command; the message is printed as it is, so that a leading file:line:column stays first."""

    exit_code = EXIT_FAULT

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.format_message(), file=file, err=file is None)


class Misuse(Failure):
    """What was asked for makes no sense: the command line, a setting or a rule is the operator's to mend."""

    exit_code = EXIT_MISUSE


def failure(error: ForwardProxyError) -> Failure:
    """How a command ends with this fault."""
    misuse = isinstance(error, SettingsError | RuleFileError)
    return Misuse(str(error)) if misuse else Failure(str(error))
