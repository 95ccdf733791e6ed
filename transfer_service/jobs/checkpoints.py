"""The weekly mail that makes every DSL and authority a witness: it holds the newest signed checkpoint of the log.

Beside it stands the policy, which says whose signatures to believe: it must reach schools outside the receipts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.db.queries.people import list_active_people
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.dates import LONDON
from transfer_service.domain.roles import AUTHORITY_ROLES, KEY_HOLDING_ROLES
from transfer_service.jobs import runs
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation

MAILED: Final = "checkpoint-mail"
AT_MOST_EVERY: Final = timedelta(days=6)
MONDAY, MORNING = 0, 9
ABOVE_THE_POLICY: Final = (
    "The policy follows: save its lines as policy.txt, apart from your receipts. The verifier believes the keys in it "
    "and no others. If it ever differs from the one that you had before, telephone your authority."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointMail:
    """Queues the mail on Monday mornings."""

    database: Database
    at: Installation
    policy: str = ""

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Queue the mail where it is time and it was not done this week."""
        del should_stop
        now = self.at.now()
        there = now.astimezone(LONDON)
        if there.weekday() != MONDAY or there.hour < MORNING:
            return ""
        if not runs.begin(self.database, MAILED, every=AT_MOST_EVERY, now=now)[0]:
            return ""
        with self.database.writing() as session:
            count = mail_checkpoint(session, self.at, policy=self.policy)
        runs.finish(self.database, MAILED, now=now, outcome=f"queued {count}")
        return f"queued {count}"


def mail_checkpoint(session: Session, at: Installation, *, policy: str = "") -> int:
    """Queue the newest checkpoint for each active DSL, deputy and officer, where there is one; returns for how many."""
    newest = find_newest_checkpoint(session)
    if newest is None:
        return 0
    evidence = write_evidence(newest.note.decode(), policy)
    people = list_active_people(session, KEY_HOLDING_ROLES | AUTHORITY_ROLES)
    for person in people:
        alert_person(session, at, AlertKind.WEEKLY_CHECKPOINT, person, secret=evidence)
    return len(people)


def write_evidence(note: str, policy: str) -> str:
    """Write what the mail shows as it is: the checkpoint, and below it the policy where the operator gave one."""
    if not policy:
        return note
    return f"{note}\n{ABOVE_THE_POLICY}\n\n{policy}"
