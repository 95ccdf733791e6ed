"""A school that lost its keys gets them back: request, two officers, the custodians' own tool, a new key."""

import json

import pytest
from sqlalchemy import update

from tests import factories
from tests.cast import join_service
from tests.integration.people.steps import overlapping
from tests.integration.recovery.conftest import again, approve, ask, export, receipt
from tests.observing import alerts, leaves, rows
from transfer_service.db.models import Membership, PersonKey
from transfer_service.domain.custodians import RecoveryState
from transfer_service.domain.errors import (
    AlreadyDone,
    Conflict,
    Invalid,
    KeyMissing,
    NeedsPassword,
    NotFound,
    PermissionRefused,
    RuleForbids,
    StateForbids,
)
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.keys.recovery import (
    approve_recovery,
    get_recovery,
    list_candidates,
    list_recoveries,
    make_approval_receipt,
    refuse_recovery,
)
from transfer_service.use_cases.keys.waiting import WaitingAct, complete_waiting_acts
from transfer_service.use_cases.oversight import recovery_imports
from transfer_service.use_cases.oversight.recovery_imports import import_grants
from transfer_service.use_cases.people.memberships import end_membership, suspend_membership
from transfer_service.use_cases.transfers.reading import prepare_reading

on_sqlite = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


def take_in(service, member, text):
    with service.database.writing() as session:
        return import_grants(session, service.at, member.actor, text=text)


def events(service) -> list[str]:
    return [leaf.event for leaf in leaves(service)]


def test_what_the_leavers_left_opens_again_and_the_school_has_a_new_key(stage, otto, fern, recovered):
    cast, service = stage.cast, stage.service
    dispatch_id = factories.draft(stage, cast.alma, cast.receiving)
    person = fern()
    grants = recovered(person)
    with pytest.raises(KeyMissing):
        again(service, person).school_keys(service)

    assert take_in(service, otto, grants) == 1

    holder = again(service, person)
    with service.database.writing() as session:
        done = complete_waiting_acts(session, service.at, holder.actor, person_key=holder.person_key)
    assert done == (WaitingAct.FIRST_EPOCH,)
    holder = again(service, person)
    keys = holder.school_keys(service)
    assert (sorted(keys.epochs), keys.active_number) == ([1, 2], 2)
    with service.database.reading() as session:
        prepared = prepare_reading(
            session,
            service.at,
            holder.actor,
            dispatch_id=dispatch_id,
            person_key=holder.person_key,
            storage=stage.storage,
        )
    contents = prepared.contents
    assert [part.note.text for part in contents.notes] == [factories.NOTE_TEXT]
    said = [name for name in events(service) if name.startswith("recovery.")]
    assert said == [
        "recovery.requested",
        "recovery.first_approved",
        "recovery.approved",
        "recovery.exported",
        "recovery.completed",
    ]


@on_sqlite
def test_every_lead_of_the_authority_and_its_officers_are_alarmed_at_once(cast, service, fern, otto):
    ask(service, cast.hugh, fern())
    told = {address.split("@")[0] for kind, address in alerts(service) if kind == "recovery.requested"}
    assert told == {"cora.whitlock", "dev.anand", "stella.moran", "olive.hartley", "otto.lindqvist"}


@on_sqlite
def test_an_officer_who_asks_does_not_approve_and_nobody_approves_twice(cast, service, fern, otto):
    request_id = ask(service, cast.olive, fern())
    with pytest.raises(RuleForbids) as refusal:
        approve(service, cast.olive, request_id)
    assert refusal.value.rule == "two_officers"
    approve(service, otto, request_id)
    with pytest.raises(RuleForbids):
        approve(service, otto, request_id)


@on_sqlite
def test_who_may_not_ask_or_approve(cast, service, fern, otto):
    person = fern()
    for member, refusal in ((cast.edie, PermissionRefused), (cast.cora, NotFound), (cast.oscar, NotFound)):
        with pytest.raises(refusal):
            ask(service, member, person)
    request_id = ask(service, cast.hugh, person)
    with pytest.raises(AlreadyDone):
        ask(service, cast.hugh, person)
    for member in (cast.oscar, cast.hugh, cast.ada):
        with pytest.raises(NotFound):
            approve(service, member, request_id)
    with service.database.reading() as session:
        with pytest.raises(NotFound):
            list_recoveries(session, service.at, cast.hugh.actor)
        with pytest.raises(NotFound):
            get_recovery(session, service.at, cast.oscar.actor, request_id=request_id)
        assert get_recovery(session, service.at, otto.actor, request_id=request_id).may_approve
        with pytest.raises(NotFound):
            make_approval_receipt(session, service.at, otto.actor, request_id=request_id)


@on_sqlite
def test_the_password_is_asked_for_again(cast, service, fern):
    person = fern()
    service.clock.move(minutes=11)
    with pytest.raises(NeedsPassword):
        ask(service, cast.hugh, person)


@on_sqlite
def test_where_a_colleague_can_open_everything_there_is_nothing_to_recover(cast, service):
    with pytest.raises(RuleForbids) as refusal:
        ask(service, cast.hugh, cast.alma)
    assert refusal.value.rule == "colleague_grants"
    with service.database.reading() as session:
        assert list_candidates(session, service.at, cast.hugh.actor, school_id=cast.sending) == []


@on_sqlite
def test_for_whom_it_can_be_asked(cast, service, fern):
    person = fern()
    with service.database.reading() as session:
        (one,) = list_candidates(session, service.at, cast.olive.actor, school_id=cast.sending)
    assert (one.membership_id, one.words) == (person.membership_id, person.person_key.public.fingerprint.words())
    for nobody in (cast.hugh, cast.alma):
        with pytest.raises((NotFound, RuleForbids)):
            ask(service, cast.hugh, nobody)


@on_sqlite
def test_before_the_second_approval_nothing_is_exported_and_after_a_refusal_neither(cast, service, fern, otto):
    request_id = ask(service, cast.hugh, fern())
    approve(service, otto, request_id)
    with pytest.raises(StateForbids):
        export(service, otto, request_id)
    with service.database.writing() as session:
        refuse_recovery(session, service.at, otto.actor, request_id=request_id)
    for act in (approve, export):
        with pytest.raises(StateForbids):
            act(service, cast.olive, request_id)
    with service.database.writing() as session, pytest.raises(StateForbids):
        refuse_recovery(session, service.at, otto.actor, request_id=request_id)


@on_sqlite
def test_a_key_that_changed_since_the_request_is_sealed_nothing(cast, service, fern, otto):
    person = fern()
    request_id = ask(service, cast.hugh, person)
    with service.database.writing() as session:
        session.execute(update(PersonKey).where(PersonKey.person_id == person.person_id).values(state="retired"))
    with pytest.raises(RuleForbids):
        approve(service, otto, request_id)


@on_sqlite
@pytest.mark.parametrize(
    "change",
    [
        {"deployment": "elsewhere"},
        {"bundle_sha256": "0" * 64},
        {"person": "01990000-0000-7000-8000-000000000001"},
        {"request": "01990000-0000-7000-8000-000000000001"},
        {"key_version": 9},
        {"person_fingerprint": "ab" * 32},
        {"grants": []},
        {"format": 2},
    ],
)
def test_a_file_that_is_not_what_went_out_is_refused(cast, service, otto, recovered, change):
    grants = recovered()
    before = rows(service)
    with pytest.raises(Invalid):
        take_in(service, otto, json.dumps({**json.loads(grants), **change}))
    with pytest.raises(Invalid):
        take_in(service, cast.oscar, grants)
    assert rows(service) == before


@on_sqlite
@pytest.mark.parametrize("act", [end_membership, suspend_membership])
def test_what_comes_back_for_somebody_who_left_since_gives_them_nothing(stage, otto, fern, recovered, act):
    person, service = fern(), stage.service
    grants = recovered(person)
    with service.database.writing() as session:
        act(session, service.at, stage.cast.hugh.actor, membership_id=person.membership_id)
    before = rows(service)
    with pytest.raises(Conflict, match="role is not in use any more"):
        take_in(service, otto, grants)
    assert rows(service) == before


def test_a_request_for_somebody_who_leaves_in_the_same_moment_is_not_made(cast, service, fern):
    person = fern()

    def leave(session):
        end_membership(session, service.at, cast.olive.actor, membership_id=person.membership_id)

    refusal = overlapping(service, leave, lambda: ask(service, cast.hugh, person))
    assert isinstance(refusal, RuleForbids | NotFound)
    assert "recovery.requested" not in events(service)


def test_two_officers_who_approve_in_the_same_moment_are_the_first_and_the_second(cast, service, fern, otto):
    request_id = ask(service, cast.hugh, fern())

    def first(session):
        approve_recovery(session, service.at, cast.olive.actor, request_id=request_id)

    assert overlapping(service, first, lambda: approve(service, otto, request_id)) is RecoveryState.APPROVED
    assert [name for name in events(service) if "approved" in name and name.startswith("recovery")] == [
        "recovery.first_approved",
        "recovery.approved",
    ]


@on_sqlite
def test_a_grant_of_another_school_or_epoch_in_the_file_takes_nothing_in(cast, service, otto, recovered):
    grants = recovered()
    for change in ({"organisation": str(cast.receiving)}, {"epoch": 7}, {"fingerprint": "ab" * 32}):
        content = json.loads(grants)
        content["grants"][0] |= change
        with pytest.raises(Invalid):
            take_in(service, otto, json.dumps(content))


@on_sqlite
def test_what_was_taken_in_is_not_taken_in_twice_and_a_broken_step_changes_nothing(
    service, otto, recovered, monkeypatch
):
    grants = recovered()
    before = rows(service)

    def broken(*_: object, **__: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(recovery_imports, "record_all", broken)
        with pytest.raises(OSError):
            take_in(service, otto, grants)
    assert rows(service) == before
    take_in(service, otto, grants)
    with pytest.raises(StateForbids):
        take_in(service, otto, grants)


@on_sqlite
def test_an_epoch_that_is_still_active_is_renewed_at_once_after_a_recovery(cast, service, otto, recovered):
    """Both holders wait for approval, as after a restore that let them forget their keys; their grants are there."""
    person = join_service(
        service, name="Fern Castellan", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.sending
    )
    with service.database.writing() as session:
        waiting = update(Membership).where(Membership.person_id.in_([cast.alma.person_id, cast.ben.person_id]))
        session.execute(waiting.values(state=MembershipState.AWAITING_APPROVAL))
    grants = recovered(person)
    service.clock.move(minutes=1)
    take_in(service, otto, grants)
    holder = again(service, person)
    with service.database.writing() as session:
        done = complete_waiting_acts(session, service.at, holder.actor, person_key=holder.person_key)
    assert done == (WaitingAct.NEXT_EPOCH,)
    assert again(service, person).school_keys(service).active_number == 2


@on_sqlite
def test_the_custodians_tool_refuses_a_receipt_of_another_request(cast, service, fern, otto, custodians):
    request_id = ask(service, cast.hugh, fern())
    for officer in (cast.olive, otto):
        approve(service, officer, request_id)
    custodians.sign_the_log()
    bundle = json.loads(export(service, otto, request_id))
    bundle["request"]["id"] = "01990000-0000-7000-8000-000000000001"
    with pytest.raises(AssertionError):
        custodians.open(json.dumps(bundle), receipt(service, otto, request_id))


@on_sqlite
def test_a_person_who_changed_keys_before_the_export_is_refused(cast, service, fern, otto):
    person = fern()
    request_id = ask(service, cast.hugh, person)
    for officer in (cast.olive, otto):
        approve(service, officer, request_id)
    with service.database.writing() as session:
        session.execute(update(PersonKey).where(PersonKey.person_id == person.person_id).values(state="retired"))
    with pytest.raises(Conflict):
        export(service, otto, request_id)
