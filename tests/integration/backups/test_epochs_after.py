"""After a restore: no number of an epoch is used twice, and the log says which epochs stand."""

from dataclasses import replace

from sqlalchemy import select

from tests import factories
from tests.integration.backups.conftest import KEY, Living
from tests.integration.backups.going_on import destroy, renew, restored, service_of, signed_in_again
from tests.integration.backups.test_succeeding import NEXT
from transfer_service.audit.leaf import LeafFields, decode_leaf
from transfer_service.db.models import LogLeaf, SchoolEpoch
from transfer_service.domain.keys import KeyState
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.backups.epochs_after import settle_epochs
from transfer_service.use_cases.keys.epoch_rows import next_number
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.keys.vouching import find_vouched_key


def epoch_leaves(living: Living, basis: str = "restore") -> list[tuple[str, int | None]]:
    with living.database.reading() as session:
        said: list[LeafFields] = [
            decode_leaf(body).said for body in session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx))
        ]
    return [(one.event, one.epoch) for one in said if one.event.startswith("epoch.") and one.basis == basis]


def test_the_next_key_has_a_number_above_those_that_the_restore_lost(living: Living, elsewhere: Living):
    cora = living.cast.cora
    living.back_up()
    renew(living, cora)
    renew(living, cora)
    restored(living, elsewhere)
    assert epoch_leaves(elsewhere) == [("epoch.requested", None), ("epoch.restored", 1)]
    with elsewhere.database.reading() as session:
        assert find_active_epoch(session, elsewhere.at, living.cast.receiving).number == 1
        assert next_number(session, living.cast.receiving) == 4
        assert next_number(session, living.cast.sending) == 2
    cora = signed_in_again(service_of(elsewhere), cora)
    keys = cora.school_keys(service_of(elsewhere))
    with elsewhere.database.writing() as session:
        epoch = make_next_epoch(session, elsewhere.at, cora.actor, school_keys=keys)
    assert epoch.number == 4
    with elsewhere.database.reading() as session:
        vouched = find_vouched_key(session, elsewhere.at, living.cast.receiving)
    assert vouched is not None
    assert (vouched.number, vouched.approved_by) == (4, "Olive Hartley"), (
        "signed by the key before, whatever its number"
    )


def test_files_are_sent_to_the_key_that_is_in_use_again(living: Living, elsewhere: Living):
    living.back_up()
    renew(living, living.cast.cora)
    restored(living, elsewhere)
    sent = factories.dispatch_in(elsewhere, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora)
    factories.open_dispatch(elsewhere, living.cast.cora, sent)


def test_an_epoch_that_is_not_destroyed_again_is_said_to_be_retired(living: Living, elsewhere: Living):
    cora = living.cast.cora
    factories.dispatch_in(living, Status.SENT, sender=living.cast.alma, receiver=cora)
    with living.database.reading() as session:
        before = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == living.cast.receiving)).one()
    renew(living, cora)
    living.back_up()
    assert destroy(living, cora) == 1
    restored(living, elsewhere)
    with elsewhere.database.reading() as session:
        assert session.get_one(SchoolEpoch, before.id).state in (KeyState.DESTROYED, KeyState.RETIRED)
        assert settle_epochs(session, said_already=()) == [], "rows and log agree"


def test_a_log_that_is_begun_anew_knows_every_epoch_also_the_lost_ones(living: Living, elsewhere: Living):
    cora = living.cast.cora
    living.sign()
    living.back_up()
    renew(living, cora)
    living.sign()
    export = living.export()
    successor = replace(elsewhere, key=NEXT)
    report = successor.restore(
        is_successor=True,
        keys=[KEY.verifier],
        checkpoints=((export / "checkpoint").read_bytes(),),
        exports=(export,),
        state_file=living.folder / "signer" / "successor.json",
    )
    assert report.is_open
    with successor.database.reading() as session:
        for school_id in (living.cast.sending, living.cast.receiving, living.cast.stranger):
            assert find_active_epoch(session, successor.at, school_id).number == 1
        assert next_number(session, living.cast.receiving) == 3
        assert settle_epochs(session, said_already=()) == []
    assert ("epoch.destroyed", 2) in epoch_leaves(successor)
    assert epoch_leaves(successor).count(("epoch.restored", 1)) == 3
