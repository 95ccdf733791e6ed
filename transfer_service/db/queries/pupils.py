"""Finding transfers of one pupil by blind indexes: within one school, never across schools."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Dispatch, Transfer
from transfer_service.domain.transfer import Status

IN_HAND = (Status.DRAFT, Status.WAITING, Status.SENT, Status.OPENED)


def list_in_hand_of_pupil(
    session: Session, *, school_id: UUID, upn_indexes: Sequence[bytes], name_indexes: Sequence[bytes], most: int
) -> list[Transfer]:
    """List a sending school's transfers in hand of one pupil, the newest first.

    The same name and date of birth count only where one of the two UPNs is not known: with two that differ these are
    two children, such as twins. The indexes are those of every live key.
    """
    same_upn = Transfer.upn_index.in_(upn_indexes)
    same_name = Transfer.name_index.in_(name_indexes)
    in_hand = exists().where(Dispatch.transfer_id == Transfer.id, Dispatch.status.in_(IN_HAND))
    return list(
        session.scalars(
            select(Transfer)
            .where(
                Transfer.sending_school_id == school_id,
                or_(same_upn, and_(same_name, Transfer.upn_index.is_(None))) if upn_indexes else same_name,
                in_hand,
            )
            .order_by(Transfer.created_at.desc(), Transfer.id.desc())
            .limit(most)
        )
    )
