import pytest
from sqlalchemy import select

from tests import factories
from tests.cast import join_service, make_first_holder
from tests.integration.backups.conftest import Living
from tests.integration.backups.going_on import (
    destroy,
    epoch_states,
    holders_of,
    leave,
    lost_of,
    renew,
    restored,
    service_of,
    signed_in_again,
)
from tests.integration.backups.test_restoring import grants_of, items_of
from transfer_service.db.models import (
    Alert,
    Breach,
    Dispatch,
    KeyGrant,
    Membership,
    Opening,
    SchoolEpoch,
)
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import StateForbids
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.backups.logged_acts import iterate_acts
from transfer_service.use_cases.backups.replaying import replay_deletions
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.transfers.delivering import deliver_waiting
from transfer_service.use_cases.transfers.drafting import discard_draft


def test_after_shredding_a_leaver_an_exposure_a_destroyed_key_and_a_breach_nothing_comes_back(
    living: Living, elsewhere: Living
):
    cast = living.cast
    shredded = [living.acknowledged(attachments=["genogram.pdf"]), living.acknowledged()]
    misdirected = factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    renew(living, cast.cora)
    living.sign()
    living.back_up()

    with living.database.writing() as session:
        report_exposure(session, living.at, cast.stella.actor)
    factories.open_dispatch(living, cast.cora, misdirected)
    factories.send_back(living, cast.cora, misdirected, reason=RejectionReason.WRONG_SCHOOL)
    known_at = living.clock()
    leave(living, cast.hugh, cast.ben)
    assert destroy(living, cast.cora) == 1
    living.clock.move(days=30)
    assert sorted(living.shred_due()) == sorted(shredded)
    report = restored(living, elsewhere)

    assert report.replayed == {
        "epoch.retired": 1, "membership.changed": 1, "dispatch.opened": 1, "dispatch.rejected": 1,
        "breach.recorded": 1, "membership.ended": 1, "epoch.destroyed": 1, "dispatch.shredded": 2,
    }  # fmt: skip
    for dispatch_id in shredded:
        assert grants_of(elsewhere, dispatch_id) == 0
        assert {(item.ciphertext, item.blob_key) for item in items_of(elsewhere, dispatch_id)} == {(None, None)}
    assert epoch_states(elsewhere, cast.receiving) == [KeyState.DESTROYED, KeyState.ACTIVE]
    assert epoch_states(elsewhere, cast.stranger) == [KeyState.RETIRED]
    assert cast.ben.person_id not in holders_of(elsewhere, cast.sending)
    with elsewhere.database.reading() as session:
        destroyed = select(SchoolEpoch.id).where(SchoolEpoch.state == KeyState.DESTROYED)
        assert session.scalars(select(KeyGrant).where(KeyGrant.school_epoch_id.in_(destroyed))).all() == []
        stella = session.get_one(Membership, cast.stella.membership_id)
        assert (stella.state, stella.approved_at) == (MembershipState.AWAITING_APPROVAL, None)
        returned, breach = session.get_one(Dispatch, misdirected), session.get_one(Breach, misdirected)
        assert (returned.status, returned.opened_by) == (Status.REJECTED, cast.cora.person_id)
        assert (breach.school_id, breach.known_at) == (cast.sending, known_at)
        assert (breach.report_by - breach.known_at).total_seconds() == 72 * 3600
        wanted = session.scalars(select(Alert.kind).where(Alert.person_id == cast.olive.person_id)).all()
    assert AlertKind.APPROVAL_WANTED.value in wanted
    lost = lost_of(report)
    assert lost == {
        "Birchwater High School": ["dispatch.opened", "dispatch.rejected", "epoch.destroyed"],
        "Cloverhill School": ["epoch.retired", "membership.changed"],
    }


def test_what_reached_a_school_that_nobody_can_open_any_more_waits_again_and_is_delivered_to_its_next_lead(
    living: Living, elsewhere: Living
):
    cast, service = living.cast, service_of(living)
    opened = factories.dispatch_in(living, Status.OPENED, sender=cast.alma, receiver=cast.cora)
    fern = join_service(
        service, name="Fern Castellan", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.receiving
    )
    # Who ends a holder's access approves no next one.
    owen = join_service(service, name="Owen Marsh", role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire)
    living.sign()
    living.back_up()
    for leaver in (cast.cora, cast.dev):
        leave(living, cast.olive, leaver)
    make_first_holder(service, owen, fern)
    report = restored(living, elsewhere)
    assert report.replayed["dispatch.undelivered"] == 1
    assert holders_of(elsewhere, cast.receiving) == set()
    assert epoch_states(elsewhere, cast.receiving) == [KeyState.RETIRED]
    with elsewhere.database.reading() as session:
        waiting = session.get_one(Dispatch, opened)
        assert (waiting.status, waiting.delivered_at, waiting.opened_by) == (Status.WAITING, None, None)
        assert session.scalars(select(Opening)).all() == []

    again = service_of(elsewhere)
    fern, owen = signed_in_again(again, fern), signed_in_again(again, owen)
    fern = make_first_holder(again, owen, fern)
    keys = cast.alma.school_keys(again)
    with elsewhere.database.writing() as session:
        delivery = deliver_waiting(session, again.at, cast.alma.actor, keys, storage=elsewhere.storage)
    assert (delivery.delivered, delivery.failed) == (1, 0)
    factories.open_dispatch(elsewhere, fern, opened)
    factories.acknowledge(elsewhere, fern, opened)


def test_a_destroyed_key_whose_successor_is_lost_still_opens_what_only_it_can_open(living: Living, elsewhere: Living):
    cast = living.cast
    sent = factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    living.sign()
    living.back_up()
    renew(living, cast.cora)
    assert destroy(living, cast.cora) == 1
    report = restored(living, elsewhere)
    assert "epoch.destroyed" not in report.replayed
    assert epoch_states(elsewhere, cast.receiving) == [KeyState.ACTIVE]
    factories.open_dispatch(elsewhere, cast.cora, sent)
    factories.acknowledge(elsewhere, cast.cora, sent)
    with elsewhere.database.reading() as session:
        wanted = session.scalars(select(Alert).where(Alert.kind == AlertKind.EPOCH_WANTED.value)).all()
    assert {alert.organisation_id for alert in wanted} == {cast.receiving}


def test_a_file_that_was_read_after_the_backup_cannot_be_withdrawn_as_unread(living: Living, elsewhere: Living):
    cast = living.cast
    sent = factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    living.sign()
    living.back_up()
    factories.open_dispatch(living, cast.cora, sent)
    assert restored(living, elsewhere).replayed == {"dispatch.opened": 1}
    with pytest.raises(StateForbids):
        factories.withdraw(elsewhere, cast.alma, sent)
    factories.open_dispatch(elsewhere, cast.cora, sent)
    factories.acknowledge(elsewhere, cast.cora, sent)


def test_a_draft_that_was_sent_and_withdrawn_stands_as_a_draft_and_can_be_sent(living: Living, elsewhere: Living):
    cast = living.cast
    draft = factories.draft(living, cast.alma, cast.receiving)
    living.sign()
    living.back_up()
    factories.send(living, cast.alma, draft)
    factories.withdraw(living, cast.alma, draft)
    report = restored(living, elsewhere)
    assert report.replayed == {}
    assert lost_of(report) == {"Alderford Primary School": ["dispatch.sent"]}
    assert factories.send(elsewhere, cast.alma, draft).status is Status.SENT


def test_a_forwarding_that_was_given_up_takes_nothing_from_the_file_that_was_to_be_forwarded(
    living: Living, elsewhere: Living
):
    cast = living.cast
    received = living.acknowledged(attachments=["genogram.pdf"])
    forward_id = factories.forward(living, cast.cora, received, cast.stranger)
    living.sign()
    living.back_up()
    with living.database.writing() as session:
        discard_draft(session, living.at, cast.cora.actor, dispatch_id=forward_id)
    assert restored(living, elsewhere).replayed == {"dispatch.discarded": 1}
    with elsewhere.database.reading() as session:
        assert session.get(Dispatch, forward_id) is None
    assert len(items_of(elsewhere, received)) == len(items_of(living, received)) > 1
    assert grants_of(elsewhere, received) == grants_of(living, received)


def test_taking_away_twice_takes_nothing_more(living: Living, elsewhere: Living):
    cast = living.cast
    shredded = living.acknowledged()
    sent = factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    living.sign()
    living.back_up()
    before = len(living.events())
    factories.open_dispatch(living, cast.cora, sent)
    factories.send_back(living, cast.cora, sent, reason=RejectionReason.WRONG_SCHOOL)
    leave(living, cast.hugh, cast.ben)
    living.clock.move(days=31)
    assert living.shred_due() == [shredded]
    end = len(living.events())
    restored(living, elsewhere)
    with elsewhere.database.writing() as session:
        again = replay_deletions(session, elsewhere.at, list(iterate_acts(session, start=before, end=end)))
    assert again.counts == {}
