"""Who can write the database forges no acknowledgement: no receipt is made of one that the school did not sign."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.integration.recovery.conftest import LOG
from tests.integration.transfers.stage import Stage
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.suites import EpochKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Acknowledgement, Dispatch
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.transfers.receipts import make_receipt

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


def signed_by_a_stranger(stage: Stage, row: Acknowledgement, other: Acknowledgement) -> None:
    row.signature = EpochKey.from_seed(Seed(b"\x55" * 32)).sign(row.signed_bytes)


def signed_by_another_school(stage: Stage, row: Acknowledgement, other: Acknowledgement) -> None:
    row.signature = stage.stella.school_keys(stage.service).active[1].sign(row.signed_bytes)


def that_of_another_dispatch(stage: Stage, row: Acknowledgement, other: Acknowledgement) -> None:
    row.signed_bytes, row.signature = other.signed_bytes, other.signature


def signed_again_by_the_school_over_other_words(stage: Stage, row: Acknowledgement, other: Acknowledgement) -> None:
    row.signed_bytes += b" and more"
    row.signature = stage.cora.school_keys(stage.service).active[1].sign(row.signed_bytes)


Attack = Callable[[Stage, Acknowledgement, Acknowledgement], None]
ATTACKS: tuple[Attack, ...] = (
    signed_by_a_stranger,
    signed_by_another_school,
    that_of_another_dispatch,
    signed_again_by_the_school_over_other_words,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.__name__ for attack in ATTACKS])
def test_no_receipt_is_made_of_a_forged_acknowledgement(stage: Stage, tmp_path, attack: Attack):
    first, second = (
        factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora) for _ in range(2)
    )
    sign_committed(stage.database, key=LOG, state_file=tmp_path / "state.json", now=stage.at.now())

    def receipt(session: Session) -> bytes:
        reference = session.get_one(Dispatch, first).transfer.reference
        return make_receipt(session, stage.at, stage.alma.actor, reference=reference, kind="acknowledged").proof

    with stage.database.reading() as session:
        assert b"tlog-proof" in receipt(session)
    with stage.database.writing() as session:
        attack(stage, session.get_one(Acknowledgement, first), session.get_one(Acknowledgement, second))
    with stage.database.reading() as session, pytest.raises(RuleForbids) as refusal:
        receipt(session)
    assert refusal.value.rule == "acknowledgement_not_authentic"
