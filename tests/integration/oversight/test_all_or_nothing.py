"""Where the last step fails nothing has changed; looks serve once and for one thing; statements do not grow."""

from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import event, func, select

from tests import factories
from transfer_service.db.models import Authority, Membership, School, Term
from transfer_service.domain.deadlines import DEFAULT_RECEIVER_RULE, DEFAULT_RULES
from transfer_service.domain.errors import Invalid, LogFrozen, NotFound, PermissionRefused
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.oversight import PeriodChoice
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.domain.transfer import Status, TransferKind
from transfer_service.use_cases.calendars import TermDates
from transfer_service.use_cases.oversight import (
    approvals,
    auditing,
    clocks,
    compliance,
    exporting,
    school_exchange,
    terms,
    undelivered,
)
from transfer_service.use_cases.oversight.auditing import AuditQuery
from transfer_service.use_cases.oversight.compliance import Filters
from transfer_service.use_cases.oversight.school_exchange import Listing

RULE = DEFAULT_RULES[TransferKind.PHASE]
TERM = TermDates(date(2027, 4, 12), date(2027, 5, 28))


def fails(*_: object, **__: object) -> None:
    raise LogFrozen


def make(stage, status=Status.SENT):
    return factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora)


@contextmanager
def counted(database):
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith(("PRAGMA", "BEGIN")):
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_a_clock_whose_leaf_cannot_be_written_stays_as_it_was(stage, monkeypatch):
    monkeypatch.setattr(clocks, "record", fails)
    with pytest.raises(LogFrozen), stage.database.writing() as session:
        clocks.set_clock(session, stage.at, stage.cast.olive.actor, name="in_year", rule=RULE)
    with stage.database.reading() as session:
        assert session.get_one(Authority, stage.cast.warwickshire).clock_rules is None


@pytest.mark.parametrize("act", ["add", "remove"])
def test_a_calendar_whose_leaf_cannot_be_written_stays_as_it_was(stage, monkeypatch, act):
    monkeypatch.setattr("transfer_service.use_cases.calendars.record", fails)
    with pytest.raises(LogFrozen), stage.database.writing() as session:
        if act == "add":
            terms.add_term(session, stage.at, stage.cast.olive.actor, term=TERM)
        else:
            terms.remove_term(session, stage.at, stage.cast.olive.actor, starts_on=date(2026, 9, 1))
    with stage.database.reading() as session:
        starts = list(session.scalars(select(Term.starts_on).order_by(Term.starts_on)))
    assert starts == [date(2026, 9, 1), date(2026, 11, 2), date(2027, 1, 4)]


@pytest.mark.parametrize("decide", [approvals.approve_first_dsl, approvals.refuse_first_dsl])
def test_a_decision_whose_leaf_cannot_be_written_is_none(stage, monkeypatch, decide):
    from tests.cast import join_service

    greta = join_service(
        stage.service, name="Greta Lindholm", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=stage.cast.keyless
    )
    monkeypatch.setattr(approvals, "record", fails)
    monkeypatch.setattr(approvals, "record_all", fails)
    with pytest.raises(LogFrozen), stage.database.writing() as session:
        decide(session, stage.at, stage.cast.olive.actor, membership_id=greta.membership_id)
    with stage.database.reading() as session:
        membership = session.get_one(Membership, greta.membership_id)
        assert membership.state is MembershipState.AWAITING_APPROVAL


def test_a_look_serves_for_one_thing_and_one_person(stage):
    olive, oscar, at = stage.cast.olive.actor, stage.cast.oscar.actor, stage.at
    with stage.database.writing() as session:
        at_figures = compliance.look_at_compliance(session, at, olive)
        at_school = school_exchange.look_at_school(session, at, olive, urn="125580")
        at_log = auditing.look_at_log(session, at, olive, query=AuditQuery(urn="125580"))
    with stage.database.reading() as session:
        with pytest.raises(NotFound):
            compliance.get_compliance(session, at, oscar, look=at_figures, filters=Filters())
        with pytest.raises(NotFound):
            compliance.get_compliance(session, at, olive, look=at_school, filters=Filters())
        with pytest.raises(NotFound):
            school_exchange.get_school_exchange(session, at, olive, look=at_school, urn="125581", listing=Listing())
        with pytest.raises(NotFound):
            auditing.list_entries(session, olive, look=at_log, query=AuditQuery())
        with pytest.raises(NotFound):
            exporting.export_figures(
                session, at, olive, look=at_figures, period=PeriodChoice.EVERYTHING, order=Filters().order
            )


def test_only_an_authority_oversees(stage):
    at = stage.at
    for member in (stage.cast.alma, stage.cast.hugh, stage.cast.ada):
        with stage.database.writing() as session:
            with pytest.raises(NotFound):
                compliance.look_at_compliance(session, at, member.actor)
            with pytest.raises(NotFound):
                school_exchange.look_at_school(session, at, member.actor, urn="125580")
            with pytest.raises(NotFound):
                clocks.set_clock(session, at, member.actor, name="in_year", rule=RULE)
            with pytest.raises(NotFound):
                terms.add_term(session, at, member.actor, term=TERM)
            with pytest.raises(NotFound):
                undelivered.list_given_up(session, member.actor)


def test_a_person_of_the_authority_without_a_role_is_refused(stage):
    import dataclasses

    bare = dataclasses.replace(stage.cast.olive.actor, roles=frozenset())
    with stage.database.writing() as session:
        for refused in (
            lambda: compliance.look_at_compliance(session, stage.at, bare),
            lambda: school_exchange.look_at_school(session, stage.at, bare, urn="125580"),
            lambda: auditing.look_at_log(session, stage.at, bare, query=AuditQuery()),
            lambda: exporting.look_to_export(session, stage.at, bare, urn=None),
            lambda: clocks.list_clocks(session, bare),
            lambda: clocks.set_clock(session, stage.at, bare, name="in_year", rule=RULE),
            lambda: terms.get_calendar(session, bare),
            lambda: undelivered.list_given_up(session, bare),
        ):
            with pytest.raises(PermissionRefused):
                refused()


def test_a_name_asks_for_a_reason_from_the_list(stage):
    dispatch_id = make(stage)
    with stage.database.writing() as session:
        from transfer_service.db.models import Dispatch

        reference = session.get_one(Dispatch, dispatch_id).transfer.reference
        with pytest.raises(Invalid):
            school_exchange.show_pupil_name(
                session, stage.at, stage.cast.olive.actor, reference=reference, basis=Basis.ROLE
            )


@pytest.mark.parametrize(
    "name, rule, refusal",
    [("receiver", RULE, Invalid), ("phase", DEFAULT_RECEIVER_RULE, Invalid), ("x", RULE, NotFound)],
)
def test_a_clock_takes_only_a_start_that_it_can_have(stage, name, rule, refusal):
    with stage.database.writing() as session, pytest.raises(refusal):
        clocks.set_clock(session, stage.at, stage.cast.olive.actor, name=name, rule=rule)


def test_the_statements_do_not_grow_with_what_is_listed(stage):
    olive, at = stage.cast.olive.actor, stage.at
    numbers = []
    for _ in range(2):
        make(stage)
        make(stage, Status.ACKNOWLEDGED)
        with stage.database.writing() as session:
            figures = compliance.look_at_compliance(session, at, olive)
            school = school_exchange.look_at_school(session, at, olive, urn="125580")
            log = auditing.look_at_log(session, at, olive, query=AuditQuery())
        with counted(stage.database) as statements, stage.database.reading() as session:
            compliance.get_compliance(session, at, olive, look=figures, filters=Filters())
            after_figures = len(statements)
            school_exchange.get_school_exchange(session, at, olive, look=school, urn="125580", listing=Listing())
            after_school = len(statements)
            auditing.list_entries(session, olive, look=log, query=AuditQuery())
            numbers.append((after_figures, after_school - after_figures, len(statements) - after_school))
    assert numbers[0] == numbers[1]
    assert numbers[0][0] == 4
    assert numbers[0][1] <= 5
    with stage.database.reading() as session:
        schools = session.scalar(select(func.count()).select_from(School))
        is_sqlite = session.get_bind().dialect.name == "sqlite"
    # The places with the newest leaves are found first, then merged: on SQLite by a statement for each school.
    assert numbers[0][2] <= 8 + (schools if is_sqlite else 0)


def test_what_an_officer_heard_on_the_telephone_stands_sealed_beside_the_leaf(stage):
    import json

    from tests.cast import join_service
    from transfer_service.db.models import LogDetail, LogLeaf
    from transfer_service.domain.oversight import ApprovalRefusal
    from transfer_service.use_cases.recording import open_detail

    greta = join_service(
        stage.service, name="Greta Lindholm", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=stage.cast.keyless
    )
    with stage.database.writing() as session:
        approvals.refuse_first_dsl(
            session,
            stage.at,
            stage.cast.olive.actor,
            membership_id=greta.membership_id,
            reason=ApprovalRefusal.NOT_THE_LEAD,
            spoke_with="Mr Fenn",
        )
    with stage.database.reading() as session:
        leaf = session.scalars(select(LogLeaf).where(LogLeaf.event == Event.MEMBERSHIP_REFUSED.value)).one()
        sealed = session.get_one(LogDetail, leaf.idx).sealed
    assert b"Fenn" not in leaf.body
    detail = json.loads(open_detail(stage.at, leaf.idx, sealed)[32:])
    assert detail["facts"] == {"reason": "not_the_lead", "spoke_with": "Mr Fenn"}


def test_every_kind_of_alert_has_words():
    from transfer_service.domain.alerts import AlertKind

    assert set(undelivered.ALERT_WORDS) == set(AlertKind)
