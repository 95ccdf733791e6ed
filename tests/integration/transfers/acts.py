"""Every act on a dispatch as one call in an open session, and what came of it as one word."""

from uuid import UUID

from sqlalchemy.orm import Session

from tests.cast import Member
from tests.integration.transfers.stage import Stage
from transfer_service.domain.errors import (
    AlreadyDone,
    NotFound,
    PermissionRefused,
    RuleForbids,
    StateForbids,
)
from transfer_service.domain.statements import (
    ACKNOWLEDGEMENT,
    NIL_ACKNOWLEDGEMENT,
    NIL_DECLARATION,
    PUPIL_CONFIRMATION,
)
from transfer_service.domain.transfer import Action, DispatchKind, RejectionReason
from transfer_service.use_cases.transfers import (
    acknowledging,
    drafting,
    opening,
    redirecting,
    returning,
    sending,
)

OUTCOMES = {
    AlreadyDone: "already",
    StateForbids: "state",
    RuleForbids: "rule",
    PermissionRefused: "permission",
    NotFound: "not found",
}


class RolledBack(Exception):
    """Raised to undo what was tried."""


def try_it(stage: Stage, member: Member, action: Action, dispatch_id: UUID, kind: DispatchKind) -> str:
    """Try an act, undo it, and say what came of it."""
    try:
        with stage.database.writing() as session:
            outcome = do(session, stage, member, action=action, dispatch_id=dispatch_id, kind=kind)
            raise RolledBack
    except RolledBack:
        return outcome
    except tuple(OUTCOMES) as refusal:
        return OUTCOMES[type(refusal)]


def do(session: Session, stage: Stage, member: Member, *, action: Action, dispatch_id: UUID, kind: DispatchKind) -> str:
    at, actor = stage.at, member.actor
    keyed = {"dispatch_id": dispatch_id, "person_key": member.person_key, "storage": stage.storage}
    match action:
        case Action.SEND if kind is DispatchKind.NIL:
            sending.declare_nil(session, at, actor, statement_version=NIL_DECLARATION.version, **keyed)
        case Action.SEND:
            sending.send_dispatch(session, at, actor, **keyed)
        case Action.DISCARD:
            drafting.discard_draft(session, at, actor, dispatch_id=dispatch_id)
        case Action.WITHDRAW:
            returning.withdraw(session, at, actor, dispatch_id=dispatch_id)
        case Action.REDIRECT:
            redirecting.redirect(session, at, actor, receiving_school_id=stage.cast.receiving, **keyed)
        case Action.OPEN:
            prepared = opening.prepare_opening(session, at, actor, **keyed)
            opening.record_opening(session, at, actor, prepared, confirmation_version=PUPIL_CONFIRMATION.version)
        case Action.ACKNOWLEDGE:
            statement = NIL_ACKNOWLEDGEMENT if kind is DispatchKind.NIL else ACKNOWLEDGEMENT
            done = acknowledging.acknowledge(
                session,
                at,
                actor,
                statement_version=statement.version,
                senco_told=False,
                key_staff_told=False,
                **keyed,
            )
            return "already" if done.again else "done"
        case Action.SEND_BACK:
            returning.send_back(session, at, actor, dispatch_id=dispatch_id, reason=RejectionReason.NOT_JOINING)
        case _:
            raise AssertionError(action)
    return "done"
