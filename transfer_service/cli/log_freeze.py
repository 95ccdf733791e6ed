"""`audit frozen`, `audit unfreeze` and `audit adopt-state`: a frozen log, or a signer without its memory.

The procedure is “When the log is frozen” in docs/log.md.
"""

from __future__ import annotations

from pathlib import Path

import click

from config.settings import NEEDS_DATABASE, NEEDS_SIGNER, Settings
from transfer_service.app import build_installation
from transfer_service.audit.errors import LogNotFrozen
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import CHECK_FAILED, DONE, Refused
from transfer_service.cli.log_trust import believed_policy
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.use_cases.frozen_log import (
    Comparison,
    Evidence,
    adopt_signer_state,
    compare_log,
    unfreeze_log,
)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEEDS = NEEDS_DATABASE | NEEDS_INSTALLATION | NEEDS_SIGNER | {"log_policy"}
_SHOWN = 20

checkpoint_option = click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=_FILE,
    help="A checkpoint or receipt that somebody else kept. May be given again.",
)
policy_option = click.option(
    "--policy", type=_FILE, help="Whose signatures to believe, instead of LOG_POLICY, where the log's key was changed."
)


@click.command()
@checkpoint_option
@policy_option
@json_option
def frozen(*, checkpoints: tuple[Path, ...], policy: Path | None, as_json: bool) -> int:
    """Say whether the log is frozen and why, and compare it with all that is known of it. Nothing is changed.

    Leaves with 1 where the log is frozen or does not begin with what is known.
    """
    settings = load_settings(_NEEDS)
    evidence = _evidence(settings, policy, checkpoints)
    with open_database(settings) as database, database.reading() as session:
        comparison = compare_log(session, evidence)
    if as_json:
        say_json(comparison)
    else:
        _say(comparison)
    return CHECK_FAILED if comparison.is_frozen or not comparison.is_whole else DONE


@click.command()
@checkpoint_option
@policy_option
def unfreeze(*, checkpoints: tuple[Path, ...], policy: Path | None) -> None:
    """Let a frozen log take leaves again, where it is whole: checked from its first leaf to its last.

    Stop the service and the worker first. The command says why the log is frozen and what it was compared with, and
    asks for the number of leaves to be typed. It refuses while the log is behind anything that is known of it.
    """
    settings = load_settings(_NEEDS)
    evidence = _evidence(settings, policy, checkpoints)
    with open_database(settings) as database:
        with database.reading() as session:
            comparison = compare_log(session, evidence)
        _say(comparison)
        if not comparison.is_frozen:
            raise LogNotFrozen
        if comparison.is_whole:
            _ask(comparison.size, "lift the freeze")
        progress = Progress("Checking the log")
        problems = unfreeze_log(database, build_installation(settings), evidence, progress=progress)
    progress.finish()
    for problem in problems[:_SHOWN]:
        say(problem.sentence)
    say(f"The log goes on from its {comparison.size:,} leaves; the next one says that the freeze was lifted.")
    say("Start the worker, then the service, and tell the schools what happened.")


@click.command("adopt-state")
@checkpoint_option
@policy_option
def adopt(*, checkpoints: tuple[Path, ...], policy: Path | None) -> None:
    """Make the signer's lost state file again from the stored log, against a --checkpoint from outside.

    Only where no copy of the file is left. Asks for the number of leaves to be typed.
    """
    settings = load_settings(_NEEDS)
    evidence = _evidence(settings, policy, checkpoints)
    with open_database(settings) as database:
        with database.reading() as session:
            comparison = compare_log(session, evidence)
        _say(comparison)
        if comparison.is_whole and comparison.has_outside and not comparison.has_state:
            _ask(comparison.size, "make the state file again")
        size = adopt_signer_state(database, build_installation(settings), evidence)
    say(f"The state file names {size:,} signed leaves. Keep a copy of it apart from the database.")


def _evidence(settings: Settings, policy: Path | None, checkpoints: tuple[Path, ...]) -> Evidence:
    key = LogSigningKey.from_text(settings.log_signing_key.reveal())
    believed = believed_policy(policy, settings)
    return Evidence(
        key=key,
        keys=tuple({one.key_id: one for one in (*believed.logs, key.verifier)}.values()),
        witnesses=tuple(believed.witnesses.values()),
        state_file=settings.log_state_file,
        checkpoints=tuple(path.read_bytes() for path in checkpoints),
    )


def _ask(size: int, doing: str) -> None:
    """Go on only where the number of leaves is typed as it is; raises Refused."""
    typed = click.prompt(f"To {doing}, type the number of leaves in the log", prompt_suffix=": ", err=True)
    if str(typed).strip().replace(",", "") != str(size):
        raise Refused(
            "That is not the number of leaves in the log, so nothing was done. Look again at what is said above."
        )


def _say(comparison: Comparison) -> None:
    if comparison.is_frozen:
        say(f"The log is frozen: {comparison.reason}")
    else:
        say("The log is not frozen.")
    say(f"{comparison.size:,} leaves are stored. They were compared with:")
    for one in comparison.compared:
        say(f"  {one.sentence}")
    if not comparison.has_state:
        say("  No state file of the signer is at hand.")
    if not comparison.has_outside:
        say("  No checkpoint from outside was given: compare with the newest receipt, weekly mail or witness.")
