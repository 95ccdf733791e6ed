"""`schools import`: the register of schools from an extract of Get Information about Schools (GIAS)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

import click

from config.settings import NEEDS_DATABASE
from transfer_service.cli.edge import ClockAndIds, load_settings, open_database
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.interchange.gias import RefusedRow, read_establishments, read_links
from transfer_service.use_cases.register import ImportReport, import_schools

T = TypeVar("T")

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_REFUSALS_SHOWN = 50


@click.group()
def schools() -> None:
    """Bring the register of schools up to date."""


@schools.command(name="import")
@click.argument("file", type=_FILE)
@click.option("--links", type=_FILE, help="The extract of links, which makes a closed school's successor known.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@json_option
def import_(*, file: Path, links: Path | None, dry_run: bool, as_json: bool) -> None:
    """Read a GIAS extract of schools: all of it, or where anything fails nothing."""
    settings = load_settings(NEEDS_DATABASE)
    with ExitStack() as opened, open_database(settings) as database:
        rows = opened.enter_context(file.open("rb"))
        link_rows = opened.enter_context(links.open("rb")) if links else None
        progress = Progress("Reading the register")
        with database.reading() if dry_run else database.writing() as session:
            report = import_schools(
                session,
                ClockAndIds(),
                rows=_counted(read_establishments(rows), progress),
                links=_counted(read_links(link_rows), progress) if link_rows else (),
                digest=_digest(rows, link_rows),
                dry_run=dry_run,
            )
        progress.finish()
    if as_json:
        say_json({**dataclasses.asdict(report), "dry_run": dry_run})
    else:
        _say_report(report, dry_run=dry_run)


def _digest(*streams: BufferedReader | None) -> bytes:
    """Hash the files as they are: the digests of the two, joined, where there are links."""
    digests = []
    for stream in streams:
        if stream is not None:
            digests.append(hashlib.file_digest(stream, "sha256").digest())
            stream.seek(0)
    return digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()


def _counted(rows: Iterable[T], progress: Progress) -> Iterator[T]:
    for number, row in enumerate(rows, start=1):
        progress(number)
        yield row


def _say_report(report: ImportReport, *, dry_run: bool) -> None:
    if dry_run:
        say("Nothing was changed. An import of this file would come to:")
    say(f"created   {report.created:>7,}")
    say(f"changed   {report.changed:>7,}")
    say(f"closed    {report.closed:>7,}")
    say(f"converted {report.converted:>7,}  (in use here; took the URN of the school that succeeded it)")
    say(f"unchanged {report.unchanged:>7,}")
    say(f"refused   {len(report.refused):>7,}")
    if report.authorities_created:
        say(f"authorities met for the first time: {report.authorities_created:,}")
    if report.links_changed:
        say(f"links new or changed: {report.links_changed:,}")
    _say_refused("Line", report.refused)
    _say_refused("Links, line", report.refused_links)


def _say_refused(where: str, rows: tuple[RefusedRow, ...]) -> None:
    for row in rows[:_REFUSALS_SHOWN]:
        say(f"{where} {row.line}: {'; '.join(row.reasons)}.")
    if len(rows) > _REFUSALS_SHOWN:
        say(f"… and {len(rows) - _REFUSALS_SHOWN:,} more; --json lists all.")
