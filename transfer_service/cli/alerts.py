"""`alerts list` and `alerts retry`: the outbox."""

from __future__ import annotations

from uuid import UUID

import click

from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.db.models import Alert
from transfer_service.db.queries.alerts import list_alerts
from transfer_service.domain.alerts import AlertState
from transfer_service.use_cases.outbox import retry_alert


@click.group()
def alerts() -> None:
    """List the outbox, and retry what was given up."""


@alerts.command(name="list")
@click.option("--failed", is_flag=True, help="Only what was given up.")
@json_option
def list_(*, failed: bool, as_json: bool) -> None:
    """List what waits to be sent and what was given up, newest first."""
    states = (AlertState.GIVEN_UP,) if failed else (AlertState.PENDING, AlertState.GIVEN_UP)
    with open_database(load_settings(NEEDS_DATABASE)) as database, database.reading() as session:
        found = list_alerts(session, states=states)
    if as_json:
        say_json([_facts(alert) for alert in found])
        return
    for alert in found:
        outcome = alert.last_outcome or "not tried yet"
        say(f"{alert.id}  {alert.state:8}  {alert.kind:24}  {alert.address}  attempts {alert.attempts}, {outcome}")
    if not found:
        say("Nothing was given up." if failed else "The outbox is empty: nothing waits and nothing was given up.")


@alerts.command()
@click.argument("alert_id", metavar="ID", type=click.UUID)
def retry(*, alert_id: UUID) -> None:
    """Send an alert again that was given up, at the worker's next look."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION)
    with open_database(settings) as database, database.writing() as session:
        retry_alert(session, build_installation(settings), None, alert_id=alert_id)
    say("The alert is in the outbox again.")


def _facts(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "kind": alert.kind,
        "state": alert.state,
        "address": alert.address,
        "organisation": alert.organisation_id,
        "reference": alert.reference,
        "created_at": alert.created_at,
        "not_before": alert.not_before,
        "attempts": alert.attempts,
        "last_outcome": alert.last_outcome,
        "finished_at": alert.finished_at,
    }
