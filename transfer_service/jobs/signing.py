"""Signing what the log has committed, and telling everybody who must act when it went back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from transfer_service.audit.signer import SignOutcome, SignResult
from transfer_service.db.models import Alert
from transfer_service.db.queries.people import list_active_people
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.roles import AUTHORITY_ROLES, INSTALLATION_ROLES
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation

TOLD_AGAIN_AFTER: Final = timedelta(days=1)

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Calls `sign`, which is `audit.signer.sign_committed` with the key and the state file in place."""

    database: Database
    at: Installation
    sign: Callable[[], SignOutcome]

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Sign once; where the log is frozen, alert the administrators and the authorities, once a day."""
        del should_stop
        outcome = self.sign()
        if outcome.result is SignResult.FROZEN:
            _log.error("log frozen", size=outcome.size)
            with self.database.writing() as session:
                told = tell_frozen(session, self.at)
            return f"frozen at {outcome.size}" if told else ""
        return f"signed {outcome.size}" if outcome.result is SignResult.SIGNED else ""


def tell_frozen(session: Session, at: Installation) -> bool:
    """Queue the alert that the log is frozen, unless that was done within a day; it is sent without a leaf."""
    since = at.now() - TOLD_AGAIN_AFTER
    if session.scalar(select(exists().where(Alert.kind == AlertKind.LOG_FROZEN.value, Alert.created_at > since))):
        return False
    people = list_active_people(session, INSTALLATION_ROLES | AUTHORITY_ROLES)
    for person in people:
        alert_person(session, at, AlertKind.LOG_FROZEN, person)
    return bool(people)
