"""Two who act on the same items in the same moment, in two threads: every item opens for everybody afterwards."""

from pathlib import Path
from uuid import UUID

import pytest

from tests import factories
from tests.cast import Cast, Service
from tests.integration.keys.reencrypting import blobs, failures, items, new_epoch, progress, reencrypt
from tests.integration.transfers.stage import Stage, set_stage
from tests.integration.transfers.test_two_at_once import together
from tests.observing import leaves
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import Status, TransferKind
from transfer_service.use_cases.keys.rotation import get_progress, reseal_all
from transfer_service.use_cases.transfers import forwarding, moves


@pytest.fixture
def stage(cast: Cast, service: Service, tmp_path: Path) -> Stage:
    return set_stage(cast, service, tmp_path / "blobs")


@pytest.fixture
def kept(stage: Stage) -> UUID:
    dispatch_id = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]
    )
    new_epoch(stage, stage.cora)
    new_epoch(stage, stage.alma)
    return dispatch_id


def assert_whole(stage: Stage, kept: UUID) -> None:
    """Everything opens at both schools, and the store holds what the rows name and nothing else."""
    assert (failures(stage, stage.alma, kept), failures(stage, stage.cora, kept)) == ([], [])
    assert blobs(stage) == {items(stage, kept)[ItemKind.ATTACHMENT].blob_key}


def test_two_colleagues_at_once_encrypt_each_item_once(stage: Stage, kept: UUID):
    together(lambda: reencrypt(stage, stage.alma), lambda: reencrypt(stage, stage.ben))
    assert reencrypt(stage, stage.alma).left == 0
    assert [leaf.event for leaf in leaves(stage.service)].count("item.reencrypted") == 3
    assert_whole(stage, kept)


def test_both_schools_at_once_leave_every_item_openable(stage: Stage, kept: UUID):
    together(lambda: reencrypt(stage, stage.alma), lambda: reencrypt(stage, stage.cora))
    for member in (stage.alma, stage.cora):
        reencrypt(stage, member)
        assert progress(stage, member) == (3, 0)
    assert_whole(stage, kept)


def test_one_school_encrypts_while_the_other_seals_to_its_new_key(stage: Stage, kept: UUID):
    together(
        lambda: reencrypt(stage, stage.alma),
        lambda: reseal_all(stage.database, stage.at, stage.cora.actor, person_key=stage.cora.person_key),
    )
    assert_whole(stage, kept)
    with stage.database.reading() as session:
        assert get_progress(session, stage.cora.actor).left == 0
    assert reencrypt(stage, stage.alma).left == 0
    assert_whole(stage, kept)


def test_what_is_forwarded_at_the_same_time_opens_at_the_next_school(stage: Stage, kept: UUID):
    def forward() -> UUID:
        with stage.database.writing() as session:
            return forwarding.forward_file(
                session,
                stage.at,
                stage.cora.actor,
                dispatch_id=kept,
                receiving_school_id=stage.cast.stranger,
                kind=TransferKind.IN_YEAR,
                dates=moves.MoveDates(leaving_on=stage.clock().date()),
                person_key=stage.cora.person_key,
                storage=stage.storage,
            ).id

    _, on = together(lambda: reencrypt(stage, stage.alma), forward)
    assert isinstance(on, UUID)
    factories.send(stage, stage.cora, on)
    factories.open_dispatch(stage, stage.stella, on)
    assert failures(stage, stage.stella, on) == []
    assert reencrypt(stage, stage.alma).left == 0
    assert failures(stage, stage.stella, on) == []
    assert_whole(stage, kept)
