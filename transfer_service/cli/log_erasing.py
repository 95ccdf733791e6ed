"""`audit erase`: what stands beside entries of the log, where the law asks that a name goes."""

from __future__ import annotations

import click

from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import say
from transfer_service.domain.events import Basis
from transfer_service.use_cases.log_erasing import ERASING_BASES, erase_words


@click.command()
@click.argument("indexes", metavar="INDEX...", type=click.IntRange(min=0), nargs=-1, required=True)
@click.option(
    "--basis",
    type=click.Choice([basis.value for basis in ERASING_BASES]),
    required=True,
    help="Why the words have to go. It is recorded.",
)
def erase(*, indexes: tuple[int, ...], basis: str) -> None:
    """Erase the words beside entries of the log, for good. The entries stay, and the log verifies as before.

    INDEX is the number of an entry, as the audit page and the exports show it. Receipts of these acts then prove that
    and when they happened, and tell no words. Asks for the number of entries to be typed.
    """
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION)
    count = len(set(indexes))
    typed = click.prompt("This cannot be undone. Type how many entries lose their words", prompt_suffix=": ", err=True)
    if str(typed).strip() != str(count):
        raise Refused(f"You named {count:,} different entries, so nothing was done. Look at the numbers again.")
    with open_database(settings) as database, database.writing() as session:
        erased = erase_words(session, build_installation(settings), indexes=indexes, basis=Basis(basis))
    say(f"Erased the words beside {erased:,} of {count:,} entries. Each erasure is an entry of its own.")
    say("Backups and exports made before still hold the words: a restore erases them again, an export does not.")
