"""The command's root: finds a group of commands when it is asked for, and turns refusals into sentences and codes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

import click

from transfer_service.cli.exits import REFUSED, USAGE, explain

PROGRAM: Final = "transfer-service"

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "alerts": ("alerts:alerts", "List the outbox, and retry what was given up."),
    "audit": ("audit:audit", "Check, export and sign the log."),
    "authority": ("authority:authority", "Let an authority join the service."),
    "backup": ("backup:backup", "Copy the whole service into a folder."),
    "db": ("db:db", "Bring the database to the newest revision, or check it."),
    "demo": ("demo:demo", "Make a demonstration from nothing and serve it on this machine."),
    "keys": ("keys:keys", "Make the keys of a new installation, and examine those of a running one."),
    "people": ("people:people", "Invite the first people of an installation."),
    "receipt": ("receipt:receipt", "Check a receipt offline."),
    "restore": ("backup:restore", "Put a backup back, checked against what others know."),
    "recovery": ("recovery:recovery", "Exchange files with the recovery custodians."),
    "retention": ("retention:retention", "Shred what is due."),
    "schools": ("schools:schools", "Bring the register of schools up to date."),
    "serve": ("serve:serve", "Serve the pages."),
    "witness": ("witness:witness", "Watch the log as an independent party, and sign what was seen."),
    "worker": ("worker:worker", "Send alerts, sign the log and do what else falls due."),
}
"""Name → where the command is, and its line of help. They are imported when they run, so that --help is quick."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(f"transfer_service.cli.{module}"), name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(COMMANDS.items())])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def root() -> None:
    """Hand safeguarding information about pupils from school to school: sealed, acknowledged and provable."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave with its code: 0 done, 1 a check failed, 2 wrong usage, 3 refused."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its code; a refusal is one plain sentence on standard error."""
    try:
        # Named here, since `python -m transfer_service` would name itself.
        code = root.main(args=None if arguments is None else list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message(), err=True)
        return USAGE
    except click.UsageError as error:
        click.echo(_usage_sentence(error), err=True)
        return USAGE
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return REFUSED
    except BrokenPipeError:
        return REFUSED
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        sentence, code = explained
        click.echo(sentence, err=True)
        return code
    return code if isinstance(code, int) else 0


def _usage_sentence(error: click.UsageError) -> str:
    """Say on one line what is wrong with the arguments and where to read more."""
    command = error.ctx.command_path if error.ctx else PROGRAM
    message = " ".join(error.format_message().split())
    return f"{message} See {command} --help."
