"""Whether a school has recorded a pupil's move already: said before it is recorded again, decided by a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.db.queries.pupils import list_in_hand_of_pupil
from transfer_service.domain import permissions
from transfer_service.domain.identifiers import judge_upn
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.pupils import Pupil

MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAlready:
    """A transfer in hand that may be the same move."""

    reference: str
    recorded_at: datetime
    same_upn: bool
    """Whether the UPN agrees; else surname and date of birth do, which two children may share."""


def list_recorded_already(
    session: Session, at: Installation, actor: Actor, *, pupil: Pupil
) -> tuple[RecordedAlready, ...]:
    """List the transfers in hand that the actor's own school recorded for this pupil, the newest first; one statement.

    Looked up by the blind indexes under every live key (docs/keys.md, rule 13). Raises NotFound, PermissionRefused.
    """
    school_id = school_of(actor)
    permissions.check(actor, Permission.PUPIL_RECORD)
    upn = judge_upn(pupil.upn).text if pupil.upn else ""
    by_upn = at.field_keys.live_upn_indexes(upn) if upn else ()
    found = list_in_hand_of_pupil(
        session,
        school_id=school_id,
        upn_indexes=by_upn,
        name_indexes=at.field_keys.live_name_and_birth_indexes(pupil.surname, pupil.date_of_birth),
        most=MOST_SHOWN,
    )
    return tuple(
        RecordedAlready(
            reference=transfer.reference,
            recorded_at=transfer.created_at,
            same_upn=transfer.upn_index is not None and transfer.upn_index in by_upn,
        )
        for transfer in found
    )
