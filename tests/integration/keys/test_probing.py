from pathlib import Path

import pytest
from sqlalchemy import update

from tests import factories
from tests.cast import Cast, Service
from tests.integration.transfers.stage import Stage, set_stage
from tests.observing import alerts, leaves, rows
from transfer_service.db.models import Item, ItemGrant
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys.probing import probe_grants


@pytest.fixture
def stage(cast: Cast, service: Service, tmp_path: Path) -> Stage:
    made = set_stage(cast, service, tmp_path / "blobs")
    factories.dispatch_in(made, Status.SENT, sender=made.alma, receiver=made.cora, attachments=["genogram.pdf"])
    return made


def probe(stage: Stage, member, *places: int) -> int:
    """Try the grants at these places; which one is chosen is not left to chance."""
    left = list(places) or [0, 1, 2]
    return probe_grants(
        stage.database,
        stage.at,
        member.actor,
        person_key=member.person_key,
        storage=stage.storage,
        choose=lambda _count: left.pop() if len(left) > 1 else left[0],
    )


def test_sound_grants_are_tried_without_a_trace(stage: Stage):
    before = rows(stage.service)
    assert probe(stage, stage.cora) == 0
    assert probe(stage, stage.alma) == 0
    assert rows(stage.service) == before


def test_a_key_that_does_not_belong_to_its_bytes_is_told_once(stage: Stage):
    with stage.database.writing() as session:
        session.execute(update(Item).where(Item.ciphertext.is_not(None)).values(ciphertext=bytes(2000)))
    before = len(leaves(stage.service))
    assert probe(stage, stage.cora) == 2
    assert [leaf.event for leaf in leaves(stage.service)[before:]] == ["item.open_failed"]
    told = {address for kind, address in alerts(stage.service) if kind == "item.unreadable"}
    assert {stage.alma.email, stage.ben.email} <= told
    assert probe(stage, stage.cora) == 2
    assert len(leaves(stage.service)) == before + 1


def test_a_damaged_grant_is_found(stage: Stage):
    with stage.database.writing() as session:
        session.execute(
            update(ItemGrant).where(ItemGrant.recipient_id == stage.cast.receiving).values(sealed=bytes(1168))
        )
    assert probe(stage, stage.cora, 0) == 1
    assert probe(stage, stage.alma, 0) == 0


def test_a_missing_attachment_is_found(stage: Stage):
    for path in stage.blobs.rglob("*"):
        if path.is_file():
            path.unlink()
    assert probe(stage, stage.cora, 0, 1, 2) == 1


def test_a_school_that_holds_nothing_and_people_without_keys_try_nothing(stage: Stage):
    assert probe(stage, stage.stella) == 0
    assert probe(stage, stage.cast.hugh) == 0
    assert probe(stage, stage.cast.olive) == 0
