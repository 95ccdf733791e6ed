"""Recording a pupil's move, correcting it, discarding it, beginning again."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from tests import factories
from tests.cast import Member, add_school
from tests.integration.transfers.stage import Stage
from transfer_service.db import models
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.errors import Invalid, NotFound, PermissionRefused, RuleForbids, StateForbids
from transfer_service.domain.transfer import DispatchKind, Status, TransferKind
from transfer_service.use_cases.calendars import add_closure
from transfer_service.use_cases.transfers import drafting, moves
from transfer_service.use_cases.transfers.pupils import Pupil, open_pupil

BORN = date(2014, 3, 9)


def record(stage: Stage, member: Member, **more: object) -> UUID:
    return factories.empty_draft(stage, member, stage.cast.receiving, **more)


def test_the_pupil_stands_in_the_row_only_sealed_and_opens_again(stage: Stage) -> None:
    dispatch_id = record(stage, stage.alma)
    with stage.database.reading() as session:
        transfer = session.get_one(models.Dispatch, dispatch_id).transfer
        stored = b"".join([transfer.forename, transfer.surname, transfer.date_of_birth, transfer.upn or b""])
        assert open_pupil(stage.at, transfer) == factories.PUPIL
        assert transfer.upn_choice == "valid"
        assert transfer.upn_index == stage.at.field_keys.index_upn("H801200001001")
        assert transfer.name_index == stage.at.field_keys.index_name_and_birth("O'Brien-Łącki", BORN)
    for clear in ("Zoë", "Brien", "2014-03-09", "H801200001001"):
        assert clear.encode() not in stored


@pytest.mark.parametrize(
    ("forename", "surname"),
    [("D'Arcy", "van den Berg-Núñez"), ("יעל", "مصطفى"), ("X", "Y" * 100), ("Ngọc", "Ó Súilleabháin")],
)
def test_names_of_every_kind_come_back_as_they_were(stage: Stage, forename: str, surname: str) -> None:
    pupil = Pupil(forename=f" {forename} ", surname=surname, date_of_birth=BORN)
    dispatch_id = record(stage, stage.alma, pupil=pupil)
    with stage.database.reading() as session:
        opened = open_pupil(stage.at, session.get_one(models.Dispatch, dispatch_id).transfer)
    assert opened == Pupil(forename=forename, surname=surname, date_of_birth=BORN)


@pytest.mark.parametrize("forename", ["", "   ", "x" * 101, "a\nb", "\u202eevil"])
def test_a_name_that_is_none_is_refused_without_repeating_it(stage: Stage, forename: str) -> None:
    with pytest.raises(Invalid) as refused:
        record(stage, stage.alma, pupil=Pupil(forename=forename, surname="Kay", date_of_birth=BORN))
    assert refused.value.fields == {"forename": ("Enter the pupil’s forename, in at most 100 characters",)}


def test_a_upn_with_a_wrong_letter_is_taken_once_somebody_confirms_it(stage: Stage) -> None:
    wrong = Pupil(forename="A", surname="B", date_of_birth=BORN, upn=" z801200001001 ")
    with pytest.raises(Invalid) as refused:
        record(stage, stage.alma, pupil=wrong)
    assert refused.value.fields["upn"] == (
        "The first letter of this UPN does not fit its numbers, so it may be mistyped",
        "Correct it, confirm that it is right, or leave it out",
    )
    dispatch_id = record(stage, stage.alma, pupil=wrong, upn_confirmed=True)
    with stage.database.reading() as session:
        transfer = session.get_one(models.Dispatch, dispatch_id).transfer
        assert transfer.upn_choice == "confirmed"
        assert open_pupil(stage.at, transfer).upn == "Z801200001001"


def test_a_upn_of_a_broken_shape_is_refused_even_when_confirmed(stage: Stage) -> None:
    broken = Pupil(forename="A", surname="B", date_of_birth=BORN, upn="H8012")
    with pytest.raises(Invalid) as refused:
        record(stage, stage.alma, pupil=broken, upn_confirmed=True)
    assert "A UPN has 13 characters. Check that none is missing or doubled" in refused.value.fields["upn"]


@pytest.mark.parametrize("upn", [None, "", "  ", "G80120000101A"])
def test_a_pupil_without_a_upn_or_with_a_temporary_one_needs_no_confirmation(stage: Stage, upn: str | None) -> None:
    dispatch_id = record(stage, stage.alma, pupil=Pupil(forename="A", surname="B", date_of_birth=BORN, upn=upn))
    with stage.database.reading() as session:
        choice = session.get_one(models.Dispatch, dispatch_id).transfer.upn_choice
    assert choice == ("valid" if upn and upn.strip() else "none")


def test_the_due_date_is_the_fifth_school_day_after_the_destination_is_known(stage: Stage) -> None:
    dispatch_id = record(stage, stage.alma)  # leaving on 4 September, known on Monday, 7 September
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert dispatch.due_on == date(2026, 9, 14)
        assert dispatch.clock == {
            "sender": {
                "unit": "school_days",
                "start": "later_of_leaving_and_destination",
                "length": 5,
                "first_day_counts": False,
                "calendar": "sending_school",
                "calendar_name": "Warwickshire",
                "started_on": "2026-09-07",
                "known_terms": True,
            }
        }


def test_a_phase_move_is_counted_from_its_first_day_by_the_receiving_school(stage: Stage) -> None:
    dates = moves.MoveDates(leaving_on=date(2026, 12, 18), starts_on=date(2027, 1, 4))
    dispatch_id = record(stage, stage.alma, kind=TransferKind.PHASE, dates=dates)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert dispatch.due_on == date(2027, 1, 8)
        assert dispatch.clock["sender"]["calendar"] == "receiving_school"


def test_where_no_term_is_known_the_basis_says_so(stage: Stage) -> None:
    dates = moves.MoveDates(leaving_on=date(2027, 6, 4))
    dispatch_id = record(stage, stage.alma, dates=dates)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.due_on, dispatch.clock["sender"]["known_terms"]) == (date(2027, 6, 11), False)


def test_the_office_may_record_a_transfer_and_the_head_may_not(stage: Stage) -> None:
    record(stage, stage.edie)
    with pytest.raises(PermissionRefused):
        record(stage, stage.cast.hugh)
    with pytest.raises(NotFound):
        record(stage, stage.cast.olive)


def test_a_closed_school_and_ones_own_school_are_refused_before_anything_is_written(stage: Stage) -> None:
    closed = add_school(
        stage.service, stage.cast.warwickshire, urn="125590", name="Old Elms", town="Rugby", status="Closed"
    )
    for school_id, rule in ((closed, "school_closed"), (stage.cast.sending, "same_school")):
        with pytest.raises(RuleForbids) as refused:
            factories.empty_draft(stage, stage.alma, school_id)
        assert refused.value.rule == rule
    with pytest.raises(NotFound):
        factories.empty_draft(stage, stage.alma, stage.at.new_id())
    with stage.database.reading() as session:
        assert session.query(models.Transfer).count() == 0


def test_pupil_dates_and_school_can_be_corrected_until_something_is_sent(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.stranger)
    other = Pupil(forename="Ann", surname="Kay", date_of_birth=BORN)
    change = {
        "kind": TransferKind.OTHER,
        "dates": moves.MoveDates(leaving_on=date(2026, 9, 10)),
        "receiving_school_id": stage.cast.receiving,
        "urgent": True,
    }
    with stage.database.writing() as session:
        drafting.change_pupil(session, stage.at, stage.edie.actor, dispatch_id=dispatch_id, pupil=other)
        drafting.change_move(session, stage.at, stage.edie.actor, dispatch_id=dispatch_id, **change)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert open_pupil(stage.at, dispatch.transfer) == other
        assert dispatch.transfer.upn_index is None
        assert (dispatch.receiving_school_id, dispatch.urgent) == (stage.cast.receiving, True)
        assert dispatch.due_on == date(2026, 9, 17)
    factories.send(stage, stage.alma, dispatch_id)
    with stage.database.writing() as session, pytest.raises(StateForbids):
        drafting.change_pupil(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, pupil=other)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("date_of_birth", {"pupil": Pupil(forename="A", surname="B", date_of_birth=date(1990, 1, 1))}),
        ("leaving_on", {"dates": moves.MoveDates(leaving_on=date(2028, 9, 4))}),
        ("starts_on", {"dates": moves.MoveDates(leaving_on=date(2026, 9, 4), starts_on=date(2028, 9, 4))}),
        (
            "destination_confirmed_on",
            {"dates": moves.MoveDates(leaving_on=date(2026, 9, 4), destination_confirmed_on=date(2026, 12, 1))},
        ),
    ],
)
def test_days_that_cannot_be_right_are_refused_whoever_asks(stage: Stage, field: str, wrong: dict) -> None:
    with pytest.raises(Invalid) as refused:
        record(stage, stage.alma, **wrong)
    assert list(refused.value.fields) == [field]
    with stage.database.reading() as session:
        assert session.query(models.Transfer).count() == 0


def test_a_correction_to_days_that_cannot_be_right_changes_nothing(stage: Stage) -> None:
    dispatch_id = record(stage, stage.alma)
    with stage.database.writing() as session, pytest.raises(Invalid) as refused:
        drafting.change_pupil(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=dispatch_id,
            pupil=Pupil(forename="A", surname="B", date_of_birth=date(1990, 1, 1)),
        )
    assert list(refused.value.fields) == ["date_of_birth"]
    with stage.database.writing() as session, pytest.raises(Invalid) as refused:
        drafting.change_move(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=dispatch_id,
            kind=TransferKind.IN_YEAR,
            dates=moves.MoveDates(leaving_on=date(2028, 9, 4)),
            receiving_school_id=stage.cast.receiving,
            urgent=False,
        )
    assert list(refused.value.fields) == ["leaving_on"]
    with stage.database.reading() as session:
        transfer = session.get_one(models.Dispatch, dispatch_id).transfer
        assert open_pupil(stage.at, transfer) == factories.PUPIL
        assert transfer.leaving_on == date(2026, 9, 4)


def test_the_pupil_stays_once_an_earlier_dispatch_was_sent(stage: Stage) -> None:
    factories.dispatch_in(stage, Status.REJECTED, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        reference = session.query(models.Transfer).one().reference
    with stage.database.writing() as session:
        again = drafting.draft_again(
            session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
        ).id
    with stage.database.writing() as session, pytest.raises(RuleForbids) as refused:
        drafting.change_pupil(session, stage.at, stage.alma.actor, dispatch_id=again, pupil=factories.PUPIL)
    assert refused.value.rule == "already_sent"


def test_the_due_date_of_a_draft_that_is_begun_again_does_not_move(stage: Stage) -> None:
    factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        transfer = session.query(models.Transfer).one()
        before, reference = (transfer.dispatches[0].due_on, transfer.dispatches[0].clock), transfer.reference
        add_closure(
            session, stage.at, stage.cast.olive.actor, closed_on=before[0] - timedelta(days=1), kind=ClosureKind.SNOW
        )
    with stage.database.writing() as session:
        again = drafting.draft_again(
            session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
        )
        assert (again.due_on, again.clock) == before


def test_discarding_the_only_draft_leaves_nothing_but_the_log(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("a.pdf",))
    with stage.database.writing() as session:
        blobs = drafting.discard_draft(session, stage.at, stage.ben.actor, dispatch_id=dispatch_id)
    assert list(stage.storage.list_keys()) == list(blobs)
    with stage.database.reading() as session:
        for model in (models.Transfer, models.Dispatch, models.Item, models.DispatchItem, models.ItemGrant):
            assert session.query(model).count() == 0
        assert session.query(models.LogLeaf).filter_by(event="dispatch.discarded").count() == 1


def test_a_second_draft_is_begun_only_when_nothing_is_under_way(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference

    def again() -> DispatchKind:
        with stage.database.writing() as session:
            made = drafting.draft_again(
                session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
            )
            assert made.number == 2
            assert made.due_on == date(2026, 9, 14)
            return made.kind

    with pytest.raises(RuleForbids) as refused:
        again()
    assert refused.value.rule == "still_under_way"
    factories.send(stage, stage.alma, dispatch_id)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    factories.acknowledge(stage, stage.cora, dispatch_id)
    with pytest.raises(RuleForbids) as refused:
        again()
    assert refused.value.rule == "already_received"
    factories.send_back(stage, stage.cora, dispatch_id)
    stage.clock.move(days=3)
    assert again() is DispatchKind.FILE


def test_a_nil_declaration_is_corrected_by_a_later_file(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL
    )
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference
    with stage.database.writing() as session:
        file_id = drafting.draft_again(
            session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
        ).id
    factories.add_note(stage, stage.alma, file_id)
    assert factories.send(stage, stage.alma, file_id).status is Status.SENT
