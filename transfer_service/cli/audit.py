"""`audit verify`, `audit export` and `audit checkpoint`: the log. Its other commands are in modules beside."""

from __future__ import annotations

from pathlib import Path

import click

from config.settings import NEEDS_DATABASE, NEEDS_SIGNER
from transfer_service.app import build_signer
from transfer_service.audit import log
from transfer_service.audit.export import export_log
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.signer import SignResult
from transfer_service.audit.signer_state import read_state
from transfer_service.audit.verify import verify_log
from transfer_service.audit.verify_report import VerifyReport
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database, wall_clock
from transfer_service.cli.exits import CHECK_FAILED, DONE, Refused
from transfer_service.cli.log_erasing import erase
from transfer_service.cli.log_freeze import adopt, frozen, unfreeze
from transfer_service.cli.log_key import rotate_key, successor_key
from transfer_service.cli.log_trust import believed_policy, detail_opener, load_for_checking
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.recording import entry

_SHOWN = 50


@click.group()
def audit() -> None:
    """Check, export and sign the log."""


for command in (rotate_key, successor_key, frozen, unfreeze, adopt, erase):
    audit.add_command(command)


@audit.command()
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Whose signatures to believe, instead of LOG_POLICY or, without one, the key LOG_SIGNING_KEY.",
)
@json_option
def verify(*, policy: Path | None, as_json: bool) -> int:
    """Check the live log from its first leaf to its last: every hash, checkpoint, detail and guard."""
    settings = load_for_checking(NEEDS_DATABASE | NEEDS_INSTALLATION | {"log_state_file"}, policy)
    believed = believed_policy(policy, settings)
    progress = Progress("Checking the log")
    # Before the database: read later it could be ahead of what is seen there, and a sound log seem to lack something.
    state = read_state(settings.log_state_file)
    with open_database(settings) as database, database.reading() as session:
        report = verify_log(
            session,
            keys=believed.logs,
            witnesses=tuple(believed.witnesses.values()),
            state=state,
            open_sealed=detail_opener(settings),
            progress=progress,
        )
    progress.finish()
    if as_json:
        say_json({"holds": report.holds, "with_state_file": state is not None, **_facts(report)})
    else:
        _say_report(report)
        if state is None:
            say("The signer's state file was not at hand: newest checkpoints that were taken away are not missed.")
    return DONE if report.holds else CHECK_FAILED


@audit.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--details", is_flag=True, help="Also what stands beside the leaves, in clear: it is personal data.")
@json_option
def export(*, directory: Path, details: bool, as_json: bool) -> None:
    """Write the log into a new DIRECTORY that verifier.py checks. The export itself leaves a leaf, first."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION if details else NEEDS_DATABASE)
    if directory.exists() and any(directory.iterdir()):
        raise Refused("The folder is not empty. Export the log into a new one.")
    progress = Progress("Writing the log")
    with open_database(settings) as database:
        with database.writing() as session:
            leaf = entry(None, Event.AUDIT_EXPORTED, basis=Basis.COMMAND_LINE)
            log.append_all(session, entries=[leaf], now=wall_clock())
        with database.reading() as session:
            opener = detail_opener(settings) if details else None
            report = export_log(session, directory, open_sealed=opener, progress=progress)
    progress.finish()
    if as_json:
        say_json(report)
    else:
        say(f"{report.size:,} leaves are in {directory}; a checkpoint covers {report.signed_size:,} of them.")
        if report.signed_size:
            say(f"Check them anywhere: python verifier.py verify log {directory} --policy FILE")


@audit.command()
@json_option
def checkpoint(*, as_json: bool) -> int:
    """Sign what the log has committed, and print the newest checkpoint."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_SIGNER)
    with open_database(settings) as database:
        outcome = build_signer(settings, database=database)()
        with database.reading() as session:
            newest = find_newest_checkpoint(session)
    note = newest.note.decode() if newest else ""
    if as_json:
        say_json({"result": outcome.result, "size": newest.size if newest else 0, "note": note})
    elif newest:
        say(note.rstrip("\n"))
    else:
        say("The log has no leaf yet, so there is nothing to sign.")
    if outcome.result is SignResult.FROZEN:
        raise Refused(outcome.sentence)
    return DONE


def _facts(report: VerifyReport) -> dict[str, object]:
    return {
        "size": report.size,
        "root": report.root,
        "signed_size": report.signed_size,
        "checkpoints": report.checkpoints,
        "cosignatures": report.cosignatures,
        "details_right": report.details_right,
        "details_erased": report.details_erased,
        "problem_count": report.problem_count,
        "problems": report.problems,
    }


def _say_report(report: VerifyReport) -> None:
    for problem in report.problems[:_SHOWN]:
        say(problem.sentence)
    if report.problem_count > _SHOWN:
        say(f"… and {report.problem_count - _SHOWN:,} more problems; --json lists them.")
    if report.holds:
        say(
            f"The log holds: {report.size:,} leaves, {report.checkpoints:,} checkpoints, the newest over "
            f"{report.signed_size:,} leaves. Root {report.root.hex()}."
        )
        say(f"Details: {report.details_right:,} as committed, {report.details_erased:,} erased with a leaf.")
    else:
        say(f"The log does not hold: {report.problem_count:,} problems among {report.size:,} leaves.")
