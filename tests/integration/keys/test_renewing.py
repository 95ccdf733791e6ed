import pytest
from sqlalchemy import func, select, update

from tests import factories
from tests.integration.transfers.stage import Stage
from tests.observing import leaves, rows
from transfer_service.db.models import ItemGrant, KeyGrant, SchoolEpoch
from transfer_service.domain.errors import CannotOpen, NotFound, OpeningFailure, PermissionRefused
from transfer_service.domain.keys import KeyState
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys import rotation
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.rotation import destroy_empty_epochs, get_progress, reseal_all, reseal_round
from transfer_service.use_cases.keys.waiting import WaitingAct, complete_waiting_acts, list_waiting_acts


@pytest.fixture
def renewed(stage: Stage):
    """A file that both schools hold; then the receiving school gets a second epoch."""
    kept = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]
    )
    keys = stage.cora.school_keys(stage.service)
    with stage.database.writing() as session:
        make_next_epoch(session, stage.at, stage.cora.actor, school_keys=keys)
    return kept


def progress(stage: Stage, member=None):
    with stage.database.reading() as session:
        return get_progress(session, (member or stage.cora).actor)


def reseal(stage: Stage, **more):
    return reseal_all(stage.database, stage.at, stage.cora.actor, person_key=stage.cora.person_key, **more)


def a_round(stage: Stage):
    with stage.database.writing() as session:
        return reseal_round(session, stage.at, stage.cora.actor, person_key=stage.cora.person_key)


def grants(stage: Stage) -> dict[int, int]:
    with stage.database.reading() as session:
        found = session.execute(
            select(ItemGrant.epoch, func.count())
            .where(ItemGrant.recipient_id == stage.cast.receiving)
            .group_by(ItemGrant.epoch)
        )
        return dict(found.all())


def opens(stage: Stage, dispatch_id) -> bool:
    contents = factories.contents(stage, stage.cora, dispatch_id)
    return contents.failure is None and [part.failure for part in contents.parts] == [None, None]


def test_everything_is_sealed_to_the_new_epoch_and_a_day_later_the_old_one_is_destroyed(stage: Stage, renewed):
    assert grants(stage) == {1: 3}
    assert (progress(stage).renewed, progress(stage).left, progress(stage).earlier_epochs) == (0, 3, 1)
    done = reseal(stage)
    assert (done.epoch, done.renewed, done.left, done.total, done.earlier_epochs) == (2, 3, 0, 3, 1)
    assert grants(stage) == {2: 3}
    assert opens(stage, renewed)
    stage.clock.move(days=1)
    with stage.database.reading() as session:
        assert list_waiting_acts(session, stage.at, stage.cora.actor) == (WaitingAct.DESTRUCTION,)
    with stage.database.writing() as session:
        complete_waiting_acts(session, stage.at, stage.cora.actor, person_key=stage.cora.person_key)
    assert leaves(stage.service)[-1].event == "epoch.destroyed"
    assert set(stage.cora.school_keys(stage.service).epochs) == {2}
    assert opens(stage, renewed)
    with stage.database.reading() as session:
        old = session.scalars(
            select(SchoolEpoch).where(SchoolEpoch.school_id == stage.cast.receiving, SchoolEpoch.number == 1)
        ).one()
        assert old.state is KeyState.DESTROYED
        assert session.scalars(select(KeyGrant).where(KeyGrant.school_epoch_id == old.id)).all() == []


def test_a_new_grant_is_committed_before_the_old_one_goes(stage: Stage, renewed):
    assert (a_round(stage).made, grants(stage)) == (3, {1: 3, 2: 3})
    assert (a_round(stage).released, grants(stage)) == (3, {2: 3})
    assert (a_round(stage).made, a_round(stage).released, grants(stage)) == (0, 0, {2: 3})


@pytest.mark.parametrize("rounds_before", [0, 1, 2])
def test_a_renewal_that_is_killed_is_taken_up_where_it_was(
    stage: Stage, renewed, rounds_before: int, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(rounds_before):
        a_round(stage)
    before = rows(stage.service)

    def broken(*_given: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(rotation, "record_all", broken)
    if rounds_before < 2:
        with pytest.raises(RuntimeError, match="killed"):
            reseal(stage)
    assert rows(stage.service) == before
    assert opens(stage, renewed)
    monkeypatch.undo()
    assert reseal(stage).left == 0
    assert opens(stage, renewed)


def test_what_is_sealed_to_two_earlier_keys_is_sealed_to_the_present_one_once(stage: Stage, renewed):
    """A renewal that stopped half way, and then another new key."""
    a_round(stage)
    keys = stage.cora.school_keys(stage.service)
    with stage.database.writing() as session:
        make_next_epoch(session, stage.at, stage.cora.actor, school_keys=keys)
    assert (a_round(stage).made, grants(stage)) == (3, {1: 3, 2: 3, 3: 3})
    assert reseal(stage).left == 0
    assert grants(stage) == {3: 3}
    assert opens(stage, renewed)


def test_many_grants_take_several_rounds(stage: Stage, renewed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    assert reseal(stage, rounds=1).left == 3
    assert grants(stage) == {1: 3, 2: 2}
    assert reseal(stage).left == 0


def test_a_new_grant_that_does_not_open_is_made_again_before_the_old_one_goes(stage: Stage, renewed):
    a_round(stage)
    with stage.database.writing() as session:
        session.execute(
            update(ItemGrant)
            .where(ItemGrant.recipient_id == stage.cast.receiving, ItemGrant.epoch == 2)
            .values(sealed=bytes(1168))
        )
    assert reseal(stage).left == 0
    assert opens(stage, renewed)


def test_an_old_grant_that_does_not_open_stays_and_keeps_its_epoch(stage: Stage, renewed):
    with stage.database.writing() as session:
        one = session.scalars(select(ItemGrant.id).where(ItemGrant.recipient_id == stage.cast.receiving)).first()
        session.execute(update(ItemGrant).where(ItemGrant.id == one).values(sealed=bytes(1168)))
    assert (reseal(stage).renewed, reseal(stage).left) == (2, 1)
    stage.clock.move(days=2)
    with stage.database.writing() as session:
        assert destroy_empty_epochs(session, stage.at, stage.cora.actor) == 0


def test_what_is_sealed_to_a_destroyed_epoch_alone_is_said_to_be_gone(stage: Stage, renewed):
    reseal(stage)
    stage.clock.move(days=1)
    with stage.database.writing() as session:
        assert destroy_empty_epochs(session, stage.at, stage.cora.actor) == 1
    with pytest.raises(CannotOpen) as refused:
        stage.cora.school_keys(stage.service).get_epoch(1)
    assert refused.value.reason is OpeningFailure.KEY_DESTROYED


def test_an_epoch_is_not_destroyed_within_a_day(stage: Stage, renewed):
    reseal(stage)
    stage.clock.move(hours=23)
    with stage.database.writing() as session:
        assert destroy_empty_epochs(session, stage.at, stage.cora.actor) == 0


def test_only_key_holders_of_a_school_renew(stage: Stage, renewed):
    with pytest.raises(PermissionRefused):
        progress(stage, stage.cast.hugh)
    with pytest.raises(NotFound):
        progress(stage, stage.cast.olive)
    with pytest.raises(PermissionRefused), stage.database.writing() as session:
        destroy_empty_epochs(session, stage.at, stage.cast.edie.actor)
