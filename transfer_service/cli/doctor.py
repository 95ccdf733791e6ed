"""`keys doctor`: whether every sealed item still opens for its schools and for the custodians."""

from __future__ import annotations

import os
from collections import Counter

import click

from config.secret_files import list_secret_files
from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import CHECK_FAILED, DONE
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.domain.ailments import DIAGNOSES, Finding
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.oversight.doctor import Examination, examine


@click.command()
@json_option
def doctor(*, as_json: bool) -> int:
    """Examine keys, grants, sealed items and secret files; changes nothing. Leaves with 1 where something is red."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | {"storage_url"})
    progress = Progress("Reading sealed items")
    with open_database(settings) as database:
        examination = examine(
            database,
            build_installation(settings),
            Storage.from_url(settings.storage_url.reveal()),
            secret_files=list_secret_files(os.environ),
            progress=progress,
        )
    progress.finish()
    if as_json:
        say_json({"healthy": examination.is_healthy, "findings": [_plain(found) for found in examination.findings]})
    else:
        _say(examination)
    return DONE if examination.is_healthy else CHECK_FAILED


def _plain(found: Finding) -> dict[str, object]:
    return {
        "ailment": found.ailment,
        "severity": found.severity,
        "sentence": found.sentence,
        "school": found.school_id,
        "subject": found.subject,
        "setting": found.setting,
    }


def _say(examination: Examination) -> None:
    if not examination.findings:
        say(f"All is well. {examination.blobs_read:,} sealed items in the store were read.")
        return
    for ailment, count in Counter(found.ailment for found in examination.findings).items():
        diagnosis = DIAGNOSES[ailment]
        say(f"{diagnosis.severity.value:5}  {count:,} × {ailment.value}: {diagnosis.sentence}")
        for found in [found for found in examination.findings if found.ailment is ailment][:5]:
            if where := found.setting or found.subject:
                say(f"         {where}")
    say("With --json every finding is listed.")
