"""Two who act on the same items in the same moment, in two threads: every item opens for everybody afterwards."""

from uuid import UUID

import pytest

from tests import factories
from tests.integration.keys.reencrypting import blobs, failures, items, new_epoch, progress, reencrypt
from tests.integration.transfers.stage import Stage
from tests.integration.transfers.test_two_at_once import together
from tests.observing import leaves
from transfer_service.domain.keys import ItemKind
from transfer_service.use_cases.keys.rotation import get_progress, reseal_all


@pytest.fixture
def kept(stage: Stage, kept: UUID) -> UUID:
    """The sender has a second epoch too."""
    new_epoch(stage, stage.alma)
    return kept


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
    _, on = together(
        lambda: reencrypt(stage, stage.alma),
        lambda: factories.forward(stage, stage.cora, kept, stage.cast.stranger),
    )
    assert isinstance(on, UUID)
    factories.send(stage, stage.cora, on)
    factories.open_dispatch(stage, stage.stella, on)
    assert failures(stage, stage.stella, on) == []
    assert reencrypt(stage, stage.alma).left == 0
    assert failures(stage, stage.stella, on) == []
    assert_whole(stage, kept)
