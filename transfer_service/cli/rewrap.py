"""`keys rewrap`: moves what is stored to the first of the field keys, and says which keys can go."""

from __future__ import annotations

from collections.abc import Mapping

import click

from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import CHECK_FAILED, DONE
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.use_cases.rewrapping import count_by_key, count_by_pepper, list_unused_keys, rewrap_all


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what each key protects, and change nothing.")
@json_option
def rewrap(*, dry_run: bool, as_json: bool) -> int:
    """Move stored columns, indexes and key checks to the first key of FIELD_KEYS; run again after an interruption.

    To renew the key: put a new one first in FIELD_KEYS, restart everything, run this, and take out the keys that it
    says are unused. Leaves with 1 where a row is not as the service wrote it.
    """
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION)
    at = build_installation(settings)
    progress = Progress("Rewrapping")
    with open_database(settings) as database:
        done = None if dry_run else rewrap_all(database, at, progress=progress)
        with database.reading() as session:
            counts = count_by_key(session)
            peppers = count_by_pepper(session)
    progress.finish()
    rows, damaged = (done.rows, done.damaged) if done else (0, 0)
    unused = list_unused_keys(at, counts)
    if as_json:
        say_json(
            {
                "dry_run": dry_run,
                "rows": rows,
                "damaged": damaged,
                "primary": at.field_keys.primary_id,
                "counts": counts,
                "peppers": peppers,
                "unused": unused,
            }
        )
        return CHECK_FAILED if damaged else DONE
    say("Nothing was changed." if dry_run else f"{rows:,} rows were moved to field key {at.field_keys.primary_id}.")
    if damaged:
        say(f"{damaged:,} rows are not as the service wrote them and stayed as they are. Run: keys doctor")
    _say_counts(counts, peppers)
    for key_id in unused:
        say(f"Nothing is left under field key {key_id}. Take it out of FIELD_KEYS, and keep a copy with the backups.")
    if any(key_id != at.field_keys.primary_id for key_id in counts["log_detail.sealed"]):
        say("Details of the log stay under the key that they were written with: keep that key in FIELD_KEYS.")
    if any(key_id != at.field_keys.primary_id for key_id in counts["backup_code.hash"]):
        say("Backup codes stay under the key that they were made with, until their owners use them or make new ones.")
    return CHECK_FAILED if damaged else DONE


def _say_counts(counts: Mapping[str, Mapping[int, int]], peppers: Mapping[int, int]) -> None:
    for place, by_key in counts.items():
        for key_id, number in sorted(by_key.items()):
            say(f"  field key {key_id}: {number:,} × {place}")
    for pepper, number in sorted(peppers.items()):
        say(f"  pepper {pepper}: {number:,} passwords. Each moves to the first pepper at the person's next sign-in.")
