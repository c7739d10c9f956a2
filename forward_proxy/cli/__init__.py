"""The command `forward-proxy`.  A subcommand's module is imported when it is asked for, not for the list of them."""

import sys
from collections.abc import Mapping
from importlib import import_module

import click

from forward_proxy import __version__
from forward_proxy.cli.failures import Failure, end_quietly_when_told, failure, unwritten
from forward_proxy.errors import ForwardProxyError

# Each command by name: where it is, and the first sentence of its help.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("forward_proxy.cli.run:run", "Start the proxy; Ctrl-C stops it."),
    "explain": ("forward_proxy.cli.explain:explain", "Tell what would become of a request, and why."),
    "allow": ("forward_proxy.cli.grants:allow", "Let a host or URL through for a while, whatever the rules say."),
    "deny": ("forward_proxy.cli.grants:deny", "Deny a host or URL for a while, whatever the rules say."),
    "pause": ("forward_proxy.cli.grants:pause", "Let everything through for a while, whatever the rules say."),
    "grants": ("forward_proxy.cli.grants:grants", "List what is allowed, denied and paused for a while."),
    "revoke": ("forward_proxy.cli.grants:revoke", "End what was allowed, denied or paused for a while."),
    "requests": ("forward_proxy.cli.grants:requests", "List what people have asked for."),
    "approve": ("forward_proxy.cli.grants:approve", "Let through for a while what somebody has asked for."),
    "budgets": (
        "forward_proxy.cli.budgets:budgets",
        "Show what is used and left of the minutes a day.",
    ),
    "bonus": ("forward_proxy.cli.budgets:bonus", "Give more minutes for today."),
    "services": ("forward_proxy.cli.services:services", "List, block and unblock services such as TikTok."),
    "exec": ("forward_proxy.cli.launching:exec_program", "Run one program through the proxy, with its CA trusted."),
    "env": ("forward_proxy.cli.launching:env", "Print what leads a shell's programs through the proxy."),
    "browser": ("forward_proxy.cli.launching:browser", "Start a browser that uses the proxy and trusts its CA."),
    "learn": ("forward_proxy.cli.learning:learn", "Run a program and write the smallest allow-list for it."),
    "enforce": (
        "forward_proxy.cli.learning:enforce",
        "Run a program that may ask for what FILE allows, and nothing else.",
    ),
    "trust": ("forward_proxy.cli.trusting:trust", "Have browsers and other programs trust the proxy's CA."),
    "untrust": ("forward_proxy.cli.trusting:untrust", "Take back what `trust` has done."),
    "doctor": (
        "forward_proxy.cli.doctor:doctor",
        "Look whether all is in order, and say how to mend what is not.",
    ),
    "log": ("forward_proxy.cli.log:log", "Ask the traffic log."),
    "rules": ("forward_proxy.cli.rules:rules", "Check, search and try the rule files, and count what they do."),
    "users": (
        "forward_proxy.cli.users:users",
        "Change and check the users, who say who they are by name and password.",
    ),
    "import": ("forward_proxy.cli.importing:import_rules", "Write the rules of another program as rule files."),
    "inspect": (
        "forward_proxy.cli.inspecting:inspect",
        "List and forget the hosts that pass unread since a client refused the certificate.",
    ),
    "cache": ("forward_proxy.cli.cache:cache", "Show and purge stored responses."),
    "settings": ("forward_proxy.cli.settings:settings", "Print the settings in force and where each comes from."),
    "ca": ("forward_proxy.cli.ca:ca", "Show, hand out and replace the certificate that clients must trust."),
}


class LazyGroup(click.Group):
    """A group of `COMMANDS` that also turns our faults into one message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "run":
            end_quietly_when_told()  # Its module takes most of a second to import.
        elif sys.stdout is None:
            raise Failure("stdout is closed: there is nothing to print to")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            result = super().invoke(ctx)
            # A reader that has gone away is noticed here, where click ends quietly, and not when Python shuts down.
            if sys.stdout is not None:
                sys.stdout.flush()
        except ForwardProxyError as error:
            raise failure(error) from error
        except OSError as fault:
            raise unwritten(fault) or fault from fault
        return result


@click.group(cls=LazyGroup, name="forward-proxy", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="forward-proxy")
def main() -> None:
    """A forward proxy that blocks by rules, anonymises header fields, caches on disk and logs what happened and why."""
