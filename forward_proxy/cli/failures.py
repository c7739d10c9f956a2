"""How a command ends when it cannot do what it was asked: one message on stderr and an exit code scripts can tell."""

import errno
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import IO, Any, NoReturn

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


# What writing to stdout can meet with; a pipe that is no longer read is click's to end quietly.
_UNWRITTEN = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF))


def unwritten(fault: OSError) -> Failure | None:
    """How a command ends that could not write its answer; None when this fault is about something else."""
    if fault.errno not in _UNWRITTEN or fault.filename is not None:
        return None
    finish_output()
    return Failure(f"the output cannot be written: {fault.strerror}")


def finish_output() -> None:
    """Write what is left on stdout if it can be; from here on nothing written there fails."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def end_quietly_when_told() -> None:
    """From here on a signal to stop is no fault: the process ends with 0, and what it has begun is put in order."""

    def end(_: int, __: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # As nohup has it.
        signal.signal(signal.SIGHUP, end)


def failure(error: ForwardProxyError) -> Failure:
    """How a command ends with this fault."""
    misuse = isinstance(error, SettingsError | RuleFileError)
    return Misuse(str(error)) if misuse else Failure(str(error))
