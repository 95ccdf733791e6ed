import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests import factories
from tests.integration.backups.conftest import KEY, Living
from tests.integration.backups.test_restoring import log_holds
from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.leaf import decode_leaf
from transfer_service.audit.policy import write_policy
from transfer_service.audit.signer import SignResult
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import Dispatch, LogLeaf
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.backups.refusals import BackupRefused

VERIFIER = Path(__file__).parents[3] / "transfer_service" / "verifier.py"
NEXT = LogSigningKey(name="transfer.example/log-2", seed=b"\x09" * 32)


@pytest.fixture
def successor(elsewhere: Living) -> Living:
    """The service with a new key and a new state file."""
    return replace(elsewhere, key=NEXT, folder=elsewhere.folder)


def first_leaf(living: Living):
    with living.database.reading() as session:
        return decode_leaf(session.get_one(LogLeaf, 0).body)


def test_where_leaves_are_lost_a_new_log_begins_with_the_old_ones_last_checkpoint_and_files_still_open(
    living: Living, successor: Living
):
    cast = living.cast
    sent = factories.dispatch_in(
        living, Status.SENT, sender=cast.alma, receiver=cast.cora, attachments=["genogram.pdf"]
    )
    acknowledged = living.acknowledged()
    living.sign()
    living.back_up()
    factories.draft(living, cast.alma, cast.receiving)
    living.sign()
    note = (living.export() / "checkpoint").read_bytes()
    state_file = living.folder / "signer" / "successor.json"
    report = successor.restore(is_successor=True, keys=[KEY.verifier], checkpoints=(note,), state_file=state_file)
    assert report.is_open
    assert report.old_log.size == parse_checkpoint(note).checkpoint.size
    leaf = first_leaf(successor)
    assert (leaf.said.event, leaf.said.digest) == ("log.started", parse_checkpoint(note).checkpoint.root)
    events = successor.events()
    assert events[:4] == ["log.started", "dispatch.sent", "dispatch.sent", "dispatch.acknowledged"]
    assert events[-1] == "restored"
    signed = replace(successor, folder=living.folder / "second").sign()
    assert signed.result is SignResult.SIGNED
    assert log_holds(successor)
    factories.open_dispatch(successor, cast.cora, sent)
    factories.acknowledge(successor, cast.cora, sent)
    assert factories.acknowledge(successor, cast.cora, acknowledged).again


def test_the_old_log_stays_as_it_was_and_verifies_from_the_backups_folder(living: Living, successor: Living):
    living.sign()
    living.back_up()
    policy = living.folder / "policy.txt"
    policy.write_text(write_policy([KEY.verifier]))
    command = [sys.executable, VERIFIER, "verify", "log", living.folder / "backup" / "log", "--policy", policy]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    state_file = living.folder / "successor.json"
    assert successor.restore(is_successor=True, keys=[KEY.verifier], state_file=state_file).is_open
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_what_was_shredded_after_the_backup_stays_shredded_under_a_successor(living: Living, successor: Living):
    dispatch_id = living.acknowledged()
    living.sign()
    living.back_up()
    living.clock.move(days=31)
    assert living.shred_due() == [dispatch_id]
    newer = living.export()
    state_file = living.folder / "successor.json"
    report = successor.restore(is_successor=True, keys=[KEY.verifier], exports=(newer,), state_file=state_file)
    assert report.replayed == {"dispatch.shredded": 1}
    assert report.lost == ()


def test_under_a_successor_the_reason_of_sending_back_is_read_from_the_old_logs_detail(
    living: Living, successor: Living
):
    sent = factories.dispatch_in(living, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora)
    living.sign()
    living.back_up()
    factories.send_back(living, living.cast.cora, sent, reason=RejectionReason.NOT_JOINING)
    newer = living.export()
    state_file = living.folder / "successor.json"
    report = successor.restore(is_successor=True, keys=[KEY.verifier], exports=(newer,), state_file=state_file)
    assert report.replayed == {"dispatch.rejected": 1}
    assert {of_place.name: [act.event for act in of_place.acts] for of_place in report.lost} == {
        "Birchwater High School": ["dispatch.rejected"]
    }
    with successor.database.reading() as session:
        assert session.get_one(Dispatch, sent).rejection_reason is RejectionReason.NOT_JOINING


def test_a_successor_needs_a_name_and_a_state_file_of_its_own(living: Living, elsewhere: Living, successor: Living):
    living.sign()
    living.back_up()
    with pytest.raises(BackupRefused, match="another name"):
        elsewhere.restore(is_successor=True)
    with pytest.raises(BackupRefused, match="LOG_STATE_FILE"):
        successor.restore(is_successor=True, keys=[KEY.verifier])


def test_a_log_that_was_never_signed_needs_no_successor(living: Living, successor: Living):
    living.back_up()
    with pytest.raises(BackupRefused, match="without --successor"):
        successor.restore(is_successor=True, keys=[KEY.verifier], state_file=living.folder / "successor.json")
