"""Whatever breaks at the last step of an act, nothing has changed: rows, grants, alerts, log."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select

from tests import factories
from tests.cast import Member
from tests.integration.transfers.acts import do
from tests.integration.transfers.stage import TERMS, Stage, enrol_keyless
from transfer_service.audit import log
from transfer_service.db.models import Dispatch, Model
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.notes import WithheldReason
from transfer_service.domain.statements import FILING_CONFIRMATION, NIL_ACKNOWLEDGEMENT
from transfer_service.domain.transfer import Action, DispatchKind, RejectionReason, Status, TransferKind
from transfer_service.use_cases import calendars
from transfer_service.use_cases.transfers import (
    acknowledging,
    attaching,
    covers,
    delivering,
    downloading,
    drafting,
    moves,
    notes,
    reading,
    resealing,
    returning,
)
from transfer_service.use_cases.transfers.texts import Withheld

Prepared = Callable[[Stage], tuple[Callable[..., object], Member]]
"""Makes the state, and returns the act in an open session and who does it."""


class Broken(Exception):
    """The last step failed."""


def everything(stage: Stage) -> dict[str, list[str]]:
    with stage.database.reading() as session:
        return {
            table.name: sorted(str(tuple(row)) for row in session.execute(select(table)))
            for table in Model.metadata.sorted_tables
        }


def _dispatch(stage: Stage, status: Status, kind: DispatchKind = DispatchKind.FILE) -> UUID:
    return factories.dispatch_in(
        stage, status, sender=stage.alma, receiver=stage.cora, kind=kind, keyless_school_id=stage.cast.keyless
    )


def step(action: Action, status: Status, by: str, kind: DispatchKind = DispatchKind.FILE) -> Prepared:
    def prepare(stage: Stage) -> tuple[Callable[..., object], Member]:
        # A nil is declared on a draft, which is a file until then.
        made = DispatchKind.FILE if status is Status.DRAFT else kind
        if (action, kind) == (Action.SEND, DispatchKind.NIL):
            dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
        else:
            dispatch_id = _dispatch(stage, status, made)
        member = getattr(stage, by)
        return (lambda session: do(session, stage, member, action=action, dispatch_id=dispatch_id, kind=kind)), member

    return prepare


def create(stage: Stage) -> tuple[Callable[..., object], Member]:
    def act(session: object) -> object:
        return drafting.create_transfer(
            session,  # type: ignore[arg-type]
            stage.at,
            stage.alma.actor,
            pupil=factories.PUPIL,
            kind=TransferKind.IN_YEAR,
            dates=moves.MoveDates(leaving_on=date(2026, 9, 4)),
            receiving_school_id=stage.cast.receiving,
        )

    return act, stage.alma


def draft_again(stage: Stage) -> tuple[Callable[..., object], Member]:
    dispatch_id = _dispatch(stage, Status.WITHDRAWN)
    reference = _reference(stage, dispatch_id)
    return (
        lambda session: drafting.draft_again(
            session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
        )
    ), stage.alma


def _reference(stage: Stage, dispatch_id: UUID) -> str:
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id).transfer.reference


def on_draft(act: Callable[..., object], **more: object) -> Prepared:
    def prepare(stage: Stage) -> tuple[Callable[..., object], Member]:
        dispatch_id = _dispatch(stage, Status.DRAFT)
        values = {name: value(stage) if callable(value) else value for name, value in more.items()}
        return (lambda session: act(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, **values)), stage.alma

    return prepare


def on_note(act: Callable[..., object], **more: object) -> Prepared:
    def prepare(stage: Stage) -> tuple[Callable[..., object], Member]:
        dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
        item_id = factories.add_note(stage, stage.alma, dispatch_id)
        return (
            lambda session: act(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, item_id=item_id, **more)
        ), stage.alma

    return prepare


def finish_attachment(stage: Stage) -> tuple[Callable[..., object], Member]:
    dispatch_id = _dispatch(stage, Status.DRAFT)
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)
    upload = attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=[factories.PDF])
    return (lambda session: attaching.finish_attachment(session, stage.at, stage.alma.actor, upload)), stage.alma


def keyed(act: Callable[..., object], status: Status, by: str, **more: object) -> Prepared:
    def prepare(stage: Stage) -> tuple[Callable[..., object], Member]:
        dispatch_id, member = _dispatch(stage, status), getattr(stage, by)
        return (
            lambda session: act(
                session,
                stage.at,
                member.actor,
                dispatch_id=dispatch_id,
                person_key=member.person_key,
                storage=stage.storage,
                **more,
            )
        ), member

    return prepare


def deliver(stage: Stage) -> tuple[Callable[..., object], Member]:
    _dispatch(stage, Status.WAITING)
    enrol_keyless(stage)
    keys = stage.alma.school_keys(stage.service)
    return (
        lambda session: delivering.deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage)
    ), stage.alma


def nils(act: Callable[..., object], *, named: bool) -> Prepared:
    def prepare(stage: Stage) -> tuple[Callable[..., object], Member]:
        dispatch_id = _dispatch(stage, Status.SENT, DispatchKind.NIL)
        more = {"dispatch_ids": [dispatch_id], "statement_version": NIL_ACKNOWLEDGEMENT.version} if named else {}
        return (
            lambda session: act(
                session,
                stage.at,
                stage.cora.actor,
                person_key=stage.cora.person_key,
                storage=stage.storage,
                **more,
            )
        ), stage.cora

    return prepare


def second_phase(record: Callable[..., object], prepare_it: Callable[..., object]) -> Prepared:
    def prepare(stage: Stage) -> tuple[Callable[..., object], Member]:
        dispatch_id = _dispatch(stage, Status.OPENED)
        with stage.database.reading() as session:
            one = prepare_it(
                session,
                stage.at,
                stage.cora.actor,
                dispatch_id=dispatch_id,
                person_key=stage.cora.person_key,
                storage=stage.storage,
            )
        return (lambda session: record(session, stage.at, stage.cora.actor, one)), stage.cora

    return prepare


def filed(stage: Stage) -> tuple[Callable[..., object], Member]:
    dispatch_id = _dispatch(stage, Status.ACKNOWLEDGED)
    with stage.database.reading() as session:
        one = downloading.prepare_archive(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_id=dispatch_id,
            person_key=stage.cora.person_key,
            storage=stage.storage,
        )
    with stage.database.writing() as session:
        downloading.record_archive(session, stage.at, stage.cora.actor, one)
    return (
        lambda session: acknowledging.confirm_filed(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_id=dispatch_id,
            statement_version=FILING_CONFIRMATION.version,
        )
    ), stage.cora


def closure(stage: Stage) -> tuple[Callable[..., object], Member]:
    return (
        lambda session: calendars.add_closure(
            session, stage.at, stage.edie.actor, closed_on=date(2026, 9, 9), kind=ClosureKind.INSET
        )
    ), stage.edie


def terms(stage: Stage) -> tuple[Callable[..., object], Member]:
    return (
        lambda session: calendars.replace_terms(
            session, stage.at, stage.cast.olive.actor, authority_id=stage.cast.warwickshire, terms=TERMS[:1]
        )
    ), stage.cast.olive


NIL = DispatchKind.NIL
ACTS: dict[str, Prepared] = {
    "create": create,
    "draft again": draft_again,
    "change pupil": on_draft(drafting.change_pupil, pupil=factories.PUPIL),
    "change move": on_draft(
        drafting.change_move,
        kind=TransferKind.OTHER,
        dates=moves.MoveDates(leaving_on=date(2026, 9, 10)),
        receiving_school_id=lambda stage: stage.cast.stranger,
        urgent=True,
    ),
    "seal note": on_draft(notes.seal_note, note=factories.a_note()),
    "edit note": on_note(notes.edit_note, revision=1, note=factories.a_note("Other.")),
    "remove item": on_note(notes.remove_item),
    "withhold": on_draft(notes.set_withheld, withheld=(Withheld(WithheldReason.THIRD_PARTY, "A statement"),)),
    "attach": finish_attachment,
    "send": step(Action.SEND, Status.DRAFT, "alma"),
    "declare nil": step(Action.SEND, Status.DRAFT, "alma", NIL),
    "discard": step(Action.DISCARD, Status.DRAFT, "alma"),
    "withdraw": step(Action.WITHDRAW, Status.SENT, "alma"),
    "redirect": step(Action.REDIRECT, Status.REJECTED, "alma"),
    "deliver": deliver,
    "seal again": keyed(resealing.reseal_grants, Status.OPENED, "alma"),
    "show cover": keyed(covers.show_cover, Status.SENT, "cora"),
    "show nils": nils(covers.show_nils, named=False),
    "open": step(Action.OPEN, Status.SENT, "cora"),
    "read": second_phase(reading.record_reading, reading.prepare_reading),
    "export": second_phase(downloading.record_archive, downloading.prepare_archive),
    "acknowledge": step(Action.ACKNOWLEDGE, Status.OPENED, "cora"),
    "acknowledge nil": step(Action.ACKNOWLEDGE, Status.SENT, "cora", NIL),
    "acknowledge nils": nils(acknowledging.acknowledge_nils, named=True),
    "file": filed,
    "send back": step(Action.SEND_BACK, Status.OPENED, "cora"),
    "close a day": closure,
    "replace terms": terms,
}


@pytest.mark.parametrize("act", list(ACTS))
def test_an_act_whose_leaf_cannot_be_written_has_changed_nothing(
    stage: Stage, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    does, _ = ACTS[act](stage)
    before = everything(stage)
    append = log.append_all

    def written_and_then_broken(*arguments: object, **named: object) -> object:
        append(*arguments, **named)  # type: ignore[arg-type]
        raise Broken

    with monkeypatch.context() as patched:
        patched.setattr(log, "append_all", written_and_then_broken)
        with pytest.raises(Broken), stage.database.writing() as session:
            does(session)
    assert everything(stage) == before
    # And the same act, unbroken, does change something: the test would notice one that writes nothing.
    with stage.database.writing() as session:
        does(session)
    after = everything(stage)
    assert {name for name in after if after[name] != before[name]} >= {"log_leaf", "log_head"}


def test_the_words_of_sending_back_are_rolled_back_with_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_id = _dispatch(stage, Status.SENT)
    before = everything(stage)

    def broken(*arguments: object, **named: object) -> object:
        raise Broken

    monkeypatch.setattr(log, "append_all", broken)
    with pytest.raises(Broken), stage.database.writing() as session:
        returning.send_back(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_id=dispatch_id,
            reason=RejectionReason.OTHER,
            words="See my call",
        )
    assert everything(stage) == before


def test_the_office_may_keep_the_schools_calendar(stage: Stage) -> None:
    with stage.database.writing() as session:
        calendars.add_closure(session, stage.at, stage.edie.actor, closed_on=date(2026, 9, 9), kind=ClosureKind.INSET)
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        assert session.get_one(Dispatch, dispatch_id).due_on == date(2026, 9, 15)
