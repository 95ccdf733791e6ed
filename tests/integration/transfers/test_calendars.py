"""Term dates, closures, and an authority's own clock."""

from datetime import date

import pytest

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.db import models
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.errors import AlreadyDone, Invalid, NotFound, PermissionRefused
from transfer_service.domain.transfer import Status
from transfer_service.use_cases import calendars
from transfer_service.use_cases.calendars import TermDates


def due(stage: Stage) -> date | None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        return session.get_one(models.Dispatch, dispatch_id).due_on


def close(stage: Stage, member: object, day: date) -> None:
    with stage.database.writing() as session:
        calendars.add_closure(session, stage.at, member.actor, closed_on=day, kind=ClosureKind.INSET)  # type: ignore[attr-defined]


def test_an_inset_day_of_the_school_moves_its_later_due_dates_alone(stage: Stage) -> None:
    assert due(stage) == date(2026, 9, 14)
    close(stage, stage.edie, date(2026, 9, 9))
    close(stage, stage.cora, date(2026, 9, 10))
    assert due(stage) == date(2026, 9, 15)
    with pytest.raises(AlreadyDone):
        close(stage, stage.alma, date(2026, 9, 9))
    with stage.database.reading() as session:
        assert sorted(one.due_on for one in session.query(models.Dispatch)) == [date(2026, 9, 14), date(2026, 9, 15)]
    with stage.database.writing() as session:
        calendars.remove_closure(session, stage.at, stage.edie.actor, closed_on=date(2026, 9, 9))
    assert due(stage) == date(2026, 9, 14)
    with stage.database.writing() as session, pytest.raises(NotFound):
        calendars.remove_closure(session, stage.at, stage.edie.actor, closed_on=date(2026, 9, 9))


def test_a_closure_of_the_authority_binds_all_of_its_schools(stage: Stage) -> None:
    close(stage, stage.cast.olive, date(2026, 9, 9))
    assert due(stage) == date(2026, 9, 15)


def test_an_administrator_has_no_calendar(stage: Stage) -> None:
    with pytest.raises(NotFound):
        close(stage, stage.cast.ada, date(2026, 9, 9))


@pytest.mark.parametrize(
    "terms",
    [
        [TermDates(date(2026, 9, 10), date(2026, 9, 9))],
        [TermDates(date(2026, 9, 1), date(2026, 9, 9)), TermDates(date(2026, 9, 9), date(2026, 10, 9))],
    ],
)
def test_terms_that_overlap_or_run_backwards_are_refused(stage: Stage, terms: list[TermDates]) -> None:
    with stage.database.writing() as session, pytest.raises(Invalid):
        calendars.replace_terms(
            session, stage.at, stage.cast.olive.actor, authority_id=stage.cast.warwickshire, terms=terms
        )


def test_only_the_authority_itself_changes_its_terms(stage: Stage) -> None:
    terms = [TermDates(date(2026, 9, 1), date(2026, 12, 18))]
    for member, error in (
        (stage.cast.oscar, NotFound),
        (stage.alma, NotFound),
        (stage.cast.ada, NotFound),
    ):
        with stage.database.writing() as session, pytest.raises(error):
            calendars.replace_terms(session, stage.at, member.actor, authority_id=stage.cast.warwickshire, terms=terms)
    with stage.database.writing() as session:
        calendars.replace_terms(
            session, stage.at, stage.cast.olive.actor, authority_id=stage.cast.warwickshire, terms=terms
        )
    with stage.database.reading() as session:
        assert session.query(models.Term).filter_by(authority_id=stage.cast.warwickshire).count() == 1


def test_an_authoritys_own_clocks_are_used_and_kept_with_the_dispatch(stage: Stage) -> None:
    sender = {
        "unit": "calendar_days",
        "start": "leaving",
        "length": 3,
        "first_day_counts": False,
        "calendar": "sending_school",
    }
    receiver = {**sender, "start": "sent", "length": 2, "calendar": "receiving_school"}
    with stage.database.writing() as session:
        authority = session.get_one(models.Authority, stage.cast.warwickshire)
        authority.clock_rules = {"in_year": sender, "receiver": receiver}
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.get_one(models.Authority, stage.cast.warwickshire).clock_rules = None
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.due_on, dispatch.receiver_due_on) == (date(2026, 9, 7), date(2026, 9, 9))
        assert dispatch.clock["sender"]["unit"] == dispatch.clock["receiver"]["unit"] == "calendar_days"


def test_a_school_people_without_the_right_change_no_calendar(stage: Stage) -> None:
    nobody = stage.alma.actor.__class__(
        person_id=stage.alma.person_id,
        organisation_id=stage.cast.sending,
        organisation_kind=stage.alma.actor.organisation_kind,
        roles=frozenset(),
    )
    with stage.database.writing() as session, pytest.raises(PermissionRefused):
        calendars.add_closure(session, stage.at, nobody, closed_on=date(2026, 9, 9), kind=ClosureKind.SNOW)
