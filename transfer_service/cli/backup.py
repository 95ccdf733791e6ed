"""`backup DIR` and `restore DIR`: the whole service in a folder, and back."""

from __future__ import annotations

import os
from pathlib import Path

import click

from config.secret_files import list_secret_files
from config.settings import NEEDS_DATABASE, NEEDS_SIGNER, Settings
from transfer_service.app import build_installation, build_signer
from transfer_service.audit.policy import parse_policy
from transfer_service.audit.signer import SignResult
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import CHECK_FAILED, DONE, Refused
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.migrate import revision_gap
from transfer_service.jobs.retention import forget_freed_pages
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.backups.making import make_backup
from transfer_service.use_cases.backups.restoring import RestoreFrom, RestoreReport, restore_backup

_SHOWN = 20
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@json_option
def backup(*, directory: Path, as_json: bool) -> int:
    """Copy the whole service into a new DIRECTORY: rows, log and sealed items, of one moment. No key is in it."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | {"storage_url"})
    progress = Progress("Copying rows and sealed items")
    with open_database(settings) as database:
        report = make_backup(
            database,
            build_installation(settings),
            Storage.from_url(settings.storage_url.reveal()),
            directory,
            revision=_revision(settings),
            progress=progress,
        )
    progress.finish()
    if as_json:
        say_json(report)
    else:
        say(f"{report.rows:,} rows, {report.leaves:,} leaves and {report.blobs:,} sealed items are in {directory}.")
        if report.absent or report.altered:
            say(
                f"{report.absent:,} sealed items are absent from the store and {report.altered:,} altered: keys doctor."
            )
        say("The keys and the signer's state file are not in it. Keep copies of them apart: docs/restore.md.")
    return CHECK_FAILED if report.altered else DONE


@click.command()
@click.argument("directory", type=_FOLDER)
@click.option("--export", "exports", multiple=True, type=_FOLDER, help="A newer copy of the log. May be given again.")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=_FILE,
    help="A checkpoint or receipt that somebody else kept. May be given again.",
)
@click.option("--policy", type=_FILE, help="Whose signatures to believe, where the log's key was changed.")
@click.option("--successor", "is_successor", is_flag=True, help="Begin a new log: the old one cannot be made whole.")
@json_option
def restore(
    *,
    directory: Path,
    exports: tuple[Path, ...],
    checkpoints: tuple[Path, ...],
    policy: Path | None,
    is_successor: bool,
    as_json: bool,
) -> int:
    """Put the backup in DIRECTORY into an empty database, compare it with what others know, and open the service."""
    if is_successor and policy is None:
        raise click.UsageError("With --successor give the old log's --policy.")
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | NEEDS_SIGNER | {"storage_url"})
    key = LogSigningKey.from_text(settings.log_signing_key.reveal())
    source = RestoreFrom(
        directory=directory,
        revision=_revision(settings),
        key=key,
        keys=parse_policy(policy.read_text()).logs if policy else [key.verifier],
        state_file=settings.log_state_file,
        exports=exports,
        checkpoints=tuple(path.read_bytes() for path in checkpoints),
        is_successor=is_successor,
    )
    report = _restore(settings, source)
    if as_json:
        say_json(report)
    else:
        _say(report)
    return DONE if report.is_open and report.examination and report.examination.is_healthy else CHECK_FAILED


def _restore(settings: Settings, source: RestoreFrom) -> RestoreReport:
    with open_database(settings) as database:
        report = restore_backup(
            database,
            build_installation(settings),
            Storage.from_url(settings.storage_url.reveal()),
            source,
            secret_files=list_secret_files(os.environ),
            progress=lambda doing: click.echo(doing, err=True),
        )
        forget_freed_pages(database)
        signed = build_signer(settings, database=database)() if report.is_open else None
    if signed is not None and signed.result is SignResult.FROZEN:
        raise Refused(signed.sentence)
    return report


def _say(report: RestoreReport) -> None:
    say(
        f"{report.rows:,} rows, {report.facts.size:,} leaves and {report.blobs:,} sealed items came from the backup of "
        f"{report.facts.made_at}; {report.leaves_from_exports:,} newer leaves came from exports."
    )
    for event, count in sorted(report.replayed.items()):
        say(f"Done again: {event} × {count:,}")
    if report.blobs_absent:
        say(f"{report.blobs_absent:,} sealed items are not in the backup: their senders must send them again.")
    for of_place in report.lost:
        say(f"Lost at {of_place.name}: {len(of_place.acts):,} acts")
        for act in of_place.acts[:_SHOWN]:
            say(f"    {act.at:%Y-%m-%d %H:%M} leaf {act.idx:,}  {act.event}  {act.dispatch or act.subject or ''}")
        if len(of_place.acts) > _SHOWN:
            say(f"    … and {len(of_place.acts) - _SHOWN:,} more; --json lists them")
    if report.old_log:
        say(f"A new log succeeds {report.old_log.origin}, of which {report.old_log.size:,} leaves are proven.")
    for problem in report.problems[:_SHOWN]:
        say(problem.sentence)
    if report.examination:
        for ailment, count in report.examination.counts.items():
            say(f"Doctor: {ailment.value} × {count:,}")
    if report.is_open:
        tell = "Tell the schools named above which acts are lost." if report.lost else "No act is lost."
        say(f"The service is open. {tell}")
    else:
        say("The log does not hold, so it stays frozen and nothing can be done in this database. Use other copies.")


def _revision(settings: Settings) -> str:
    return str(revision_gap(settings.database_url.reveal())[0])
