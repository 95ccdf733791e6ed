"""Checkpoints from outside carry the signatures of witnesses: they prove as much, and are stored as signed."""

from tests import factories
from tests.integration.backups.conftest import Living
from tests.integration.backups.test_restoring import log_holds
from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.cosignature import cosign, cosigned_note, record_cosignatures
from transfer_service.audit.receipts import compose_receipt, find_newest_checkpoint
from transfer_service.crypto.signing import ED25519_COSIGNATURE, VerifierKey, public_key_of
from transfer_service.domain.transfer import Status

SEED = b"\x21" * 32
WITNESS = VerifierKey("north.example", public_key_of(SEED), ED25519_COSIGNATURE)


def let_witness(living: Living) -> bytes:
    """Let the witness see the newest checkpoint, and return its note as everybody gets it."""
    with living.database.writing() as session:
        newest = find_newest_checkpoint(session)
        assert newest is not None
        line = cosign(newest.note, name=WITNESS.name, seed=SEED, now=living.clock())
        record_cosignatures(session, newest.size, signatures=[line], witnesses=[WITNESS], now=living.clock())
        return cosigned_note(session, newest)


def test_a_receipt_that_a_witness_has_signed_restores_a_backup_that_was_made_before_it_was_signed(
    living: Living, elsewhere: Living
):
    factories.dispatch_in(living, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora)
    living.back_up()
    living.sign()
    note = let_witness(living)
    assert len(parse_checkpoint(note).signatures) == 3
    with living.database.reading() as session:
        receipt = compose_receipt(session, 0, open_sealed=None)
    living.state_file.unlink()
    report = elsewhere.restore(checkpoints=(note, receipt))
    assert [problem.sentence for problem in report.problems] == []
    assert report.is_open
    with elsewhere.database.reading() as session:
        newest = find_newest_checkpoint(session)
    assert newest is not None
    assert newest.note == note[: note.index("— north.example".encode())]
    assert elsewhere.sign().size > newest.size
    assert log_holds(elsewhere)
