from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests import factories
from tests.cast import DEPLOYMENT, Cast, Service
from tests.integration.transfers.stage import Stage, set_stage
from tests.observing import leaves
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.db.models import SchoolEpoch, Transfer
from transfer_service.domain.transfer import Status
from transfer_service.use_cases import rewrapping
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.rewrapping import (
    PLACES,
    Rewrapped,
    count_by_key,
    count_by_pepper,
    list_unused_keys,
    rewrap_all,
)
from transfer_service.use_cases.transfers.pupils import open_pupil

OLD, NEW = b"\x01" * 32, b"\x09" * 32


@pytest.fixture
def stage(cast: Cast, service: Service, tmp_path: Path) -> Stage:
    made = set_stage(cast, service, tmp_path / "blobs")
    factories.dispatch_in(made, Status.OPENED, sender=made.alma, receiver=made.cora)
    return made


def with_keys(stage: Stage, keys: dict[int, bytes]) -> Service:
    return replace(stage.service, at=replace(stage.at, field_keys=FieldKeyring(keys, deployment=DEPLOYMENT)))


def counts_of(service: Service):
    with service.database.reading() as session:
        return count_by_key(session)


def without_log(counts) -> dict[str, dict[int, int]]:
    return {place: dict(by_key) for place, by_key in counts.items() if place != "log_detail.sealed" and by_key}


def test_everything_but_the_log_moves_to_the_new_key_and_opens_without_the_old_one(stage: Stage):
    both = with_keys(stage, {2: NEW, 1: OLD})
    before = without_log(counts_of(both))
    assert before["transfer.surname"] == {1: 1}
    assert before["person.totp_seed"] == {1: 10}
    assert before["person_key.mac"] == {1: 10}
    assert before["school_epoch.mac"] == {1: 3}
    assert before["recovery_key.mac"] == {1: 2}
    done = rewrap_all(both.database, both.at)
    assert done == Rewrapped(rows=1 + 10 + 10 + 3 + 2, damaged=0)
    after = without_log(counts_of(both))
    assert after == {place: {2: sum(by_key.values())} for place, by_key in before.items()}
    alone = with_keys(stage, {2: NEW})
    with alone.database.reading() as session:
        transfer = session.scalars(select(Transfer)).one()
        assert open_pupil(alone.at, transfer) == factories.PUPIL
        assert transfer.upn_index == alone.at.field_keys.index_upn("H801200001001")
        assert transfer.name_index == alone.at.field_keys.index_name_and_birth(
            factories.PUPIL.surname, factories.PUPIL.date_of_birth
        )
        assert find_active_epoch(session, alone.at, stage.cast.sending) is not None
    assert stage.cast.alma.code(alone) == stage.cast.alma.code(stage.service)


def test_a_second_run_does_nothing(stage: Stage):
    both = with_keys(stage, {2: NEW, 1: OLD})
    rewrap_all(both.database, both.at)
    size = len(leaves(stage.service))
    assert rewrap_all(both.database, both.at) == Rewrapped(rows=0, damaged=0)
    assert len(leaves(stage.service)) == size


def test_a_run_that_is_killed_is_taken_up_where_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    both = with_keys(stage, {2: NEW, 1: OLD})
    monkeypatch.setattr(rewrapping, "AT_ONCE", 3)
    done = 0
    record = rewrapping.record

    def breaks_at_the_third(*given: object, **more: object) -> object:
        nonlocal done
        done += 1
        if done == 3:
            raise RuntimeError("killed")
        return record(*given, **more)

    monkeypatch.setattr(rewrapping, "record", breaks_at_the_third)
    with pytest.raises(RuntimeError, match="killed"):
        rewrap_all(both.database, both.at)
    assert without_log(counts_of(both))["person.totp_seed"] == {1: 7, 2: 3}
    assert rewrap_all(both.database, both.at).rows == 26 - 4
    assert all(set(by_key) == {2} for by_key in without_log(counts_of(both)).values())


def test_a_row_that_is_not_as_the_service_wrote_it_stays_and_is_counted(stage: Stage):
    with stage.database.writing() as session:
        session.execute(
            update(SchoolEpoch).where(SchoolEpoch.school_id == stage.cast.sending).values(fingerprint=bytes(32))
        )
        session.execute(update(Transfer).values(surname=b"\x00\x01" + bytes(80)))
    both = with_keys(stage, {2: NEW, 1: OLD})
    assert rewrap_all(both.database, both.at) == Rewrapped(rows=24, damaged=2)
    with stage.database.reading() as session:
        kept = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == stage.cast.sending)).one()
        assert kept.mac[:2] == b"\x00\x01"


def test_one_leaf_a_round_says_how_many_rows_of_which_table(stage: Stage):
    both = with_keys(stage, {2: NEW, 1: OLD})
    before = len(leaves(stage.service))
    rewrap_all(both.database, both.at)
    said = leaves(stage.service)[before:]
    assert [leaf.event for leaf in said] == ["field_keys.rewrapped"] * 5
    assert {(leaf.role, leaf.basis) for leaf in said} == {("service", "command_line")}


def test_a_key_can_go_when_nothing_is_left_under_it(stage: Stage):
    both = with_keys(stage, {2: NEW, 1: OLD})
    assert list_unused_keys(both.at, counts_of(both)) == ()
    rewrap_all(both.database, both.at)
    left = counts_of(both)
    assert list_unused_keys(both.at, left) == ()  # details of the log stay under it
    assert list_unused_keys(both.at, without_log(left)) == (1,)


def test_passwords_are_counted_by_pepper(stage: Stage):
    with stage.database.reading() as session:
        assert count_by_pepper(session) == {1: 10}


def test_every_column_under_a_field_key_has_its_place():
    assert {(place.model.__tablename__, *place.columns) for place in PLACES} == {
        ("transfer", "forename", "surname", "date_of_birth", "upn", "upn_index", "name_index"),
        ("person", "totp_seed"),
        ("alert", "secret"),
        ("school_epoch", "mac", "origin_mac"),
        ("person_key", "mac"),
        ("recovery_key", "mac"),
    }


def test_backup_codes_are_counted_work_on_and_keep_their_key_in_use(stage: Stage):
    from tests.integration.people.steps import begin
    from tests.integration.people.test_backup_codes import left, make, use

    code = make(stage.service, stage.cast.alma)[0]
    both = with_keys(stage, {2: NEW, 1: OLD})
    rewrap_all(both.database, both.at)
    counts = counts_of(both)
    assert counts["backup_code.hash"] == {1: 10}
    assert list_unused_keys(both.at, counts) == ()
    assert use(both, begin(both, stage.cast.alma).cookie, code).is_full
    assert counts_of(both)["backup_code.hash"] == {1: 9}
    assert left(with_keys(stage, {2: NEW}), stage.cast.alma).left == 0
