"""The signer: what it signs, that a kill between any two steps does no harm, and that it sees a rollback."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.integration.audit.conftest import START, Log, hex_literal
from transfer_service.audit import signer
from transfer_service.audit.checkpoint import Checkpoint, verify_checkpoint, write_checkpoint
from transfer_service.audit.errors import (
    LogFrozen,
    LogInconsistent,
    LogNotFrozen,
    LogNotPrepared,
    NoteNotTrusted,
    SignerBusy,
    SignerStateLost,
)
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import append
from transfer_service.audit.nodes import root_at
from transfer_service.audit.numbering import verify_numbering
from transfer_service.audit.signer import SignResult, adopt_state, lift_freeze
from transfer_service.audit.signer_state import read_state
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models.log import LogCheckpoint, LogHead

on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def sizes(log: Log) -> list[int]:
    with log.database.reading() as session:
        return list(session.scalars(select(LogCheckpoint.size).order_by(LogCheckpoint.size)))


def root(log: Log, size: int) -> bytes:
    with log.database.reading() as session:
        return root_at(session, size)


def roll_back(log: Log, size: int) -> None:
    """Cut the log to `size` leaves with a head that fits: what a backup put back looks like."""
    frontier = "".join(part.hex() for part in frontier_of(log, size))
    nodes = " AND ".join(f"NOT (level = {level} AND idx < {size >> level})" for level in range(1, 8))
    log.as_owner(
        f"DELETE FROM log_leaf WHERE idx >= {size}",
        f"DELETE FROM log_node WHERE {nodes}",
        f"DELETE FROM log_checkpoint WHERE size > {size}",
        f"UPDATE log_head SET size = {size}, frontier = {hex_literal(log, frontier)}",
    )


def frontier_of(log: Log, size: int) -> list[bytes]:
    from transfer_service.audit.nodes import stored_nodes
    from transfer_service.audit.tree import full_subtrees

    nodes = full_subtrees(0, size)
    with log.database.reading() as session:
        found = stored_nodes(session)(nodes)
    return [found[node] for node in nodes]


def test_a_committed_size_is_signed_once(log: Log):
    log.write(3)
    assert log.sign() == signer.SignOutcome(SignResult.SIGNED, 3)
    assert log.sign() == signer.SignOutcome(SignResult.NOTHING_NEW, 3)
    with log.database.reading() as session:
        stored = session.get(LogCheckpoint, 3)
        assert verify_checkpoint(stored.note, [log.key.verifier]) == Checkpoint(
            "transfer.example/log", 3, root_at(session, 3)
        )
    assert read_state(log.state_file).size == 3


def test_an_empty_log_is_not_signed_and_its_state_is_begun(log: Log):
    assert log.sign() == signer.SignOutcome(SignResult.NOTHING_NEW, 0)
    assert read_state(log.state_file).size == 0
    assert sizes(log) == []


def test_the_state_file_is_for_its_owner_alone(log: Log):
    log.write()
    log.sign()
    assert log.state_file.stat().st_mode & 0o077 == 0
    assert json.loads(log.state_file.read_text())["size"] == 1


@on_postgresql  # SQLite has one writer at a time: its signer waits
def test_what_is_not_committed_is_not_signed(log: Log):
    log.write(2)
    with log.database.writing() as session:
        append(session, leaf=LeafFields(event="dispatch.sent"), now=START)
        assert log.sign().size == 2
    assert log.sign().size == 3


def test_only_one_signer_works_at_a_time(log: Log):
    log.write()
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with signer._only_signer(log.database, log.state_file) as is_alone:
            assert is_alone
            entered.set()
            leave.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(20)
    busy = log.sign()
    leave.set()
    holder.join()
    assert busy.result is SignResult.BUSY
    assert log.sign().result is SignResult.SIGNED


@on_postgresql  # SQLite lives on one machine
def test_a_signer_on_another_machine_is_seen_too(log: Log, tmp_path: Path):
    log.write()
    with signer._only_signer(log.database, tmp_path / "elsewhere" / "log.json") as is_alone:
        assert is_alone
        assert log.sign().result is SignResult.BUSY
    assert log.sign().result is SignResult.SIGNED


def tell(session: Session) -> None:
    """Write the leaf that says that a freeze was lifted."""
    append(session, leaf=LeafFields(event="freeze.lifted"), now=START)


class Killed(BaseException):
    """The process ends here."""


STEPS = ["_begin", "_follow", "_store_note", "_move_state"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_signer_killed_at_any_step_is_never_ahead_and_completes_next_time(
    log: Log, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
):
    log.write(2)
    if step != "_begin":
        log.sign()
        log.write(3)
    real = getattr(signer, step)

    def killed(*arguments, **options):
        if moment == "after":
            real(*arguments, **options)
        raise Killed

    monkeypatch.setattr(signer, step, killed)
    with pytest.raises(Killed):
        log.sign()
    monkeypatch.setattr(signer, step, real)
    state = read_state(log.state_file)
    assert (state.size if state else 0) <= max(sizes(log), default=0)
    log.write(1)
    outcome = log.sign()
    expected = 3 if step == "_begin" else 6
    assert outcome == signer.SignOutcome(SignResult.SIGNED, expected)
    assert sizes(log)[-1] == expected
    assert read_state(log.state_file).root == root(log, expected)


@pytest.mark.parametrize("step", ["_store_note", "_move_state"])
def test_a_process_that_dies_for_good_leaves_no_lock(log: Log, step: str):
    log.write(2)
    log.database.dispose()
    child = os.fork()
    if child == 0:  # the child ends without any clean-up, as a power cut does

        def die(*arguments, **options):
            os._exit(7)

        setattr(signer, step, die)
        log.sign()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert log.sign() == signer.SignOutcome(SignResult.SIGNED, 2)
    assert sizes(log) == [2]


def test_a_log_that_was_rolled_back_is_frozen_and_says_so(log: Log):
    log.write(5)
    log.sign()
    roll_back(log, 3)
    outcome = log.sign()
    assert outcome.result is SignResult.FROZEN
    assert outcome.sentence == "The log was rolled back: 5 leaves were signed and 3 are left."
    with pytest.raises(LogFrozen, match="5 leaves were signed and 3 are left"):
        log.write()
    assert log.sign().result is SignResult.FROZEN
    assert read_state(log.state_file).size == 5


@pytest.mark.parametrize("size", [5, 6, 9])
def test_a_log_that_was_rolled_back_and_grew_again_is_frozen(log: Log, size: int):
    log.write(5)
    log.sign()
    roll_back(log, 2)
    log.write(size - 2, event="dispatch.opened")
    assert log.sign().result is SignResult.FROZEN
    assert sizes(log) == []


def test_a_missing_leaf_freezes_the_log(log: Log):
    log.write(2)
    log.sign()
    log.write(3)
    log.as_owner("DELETE FROM log_leaf WHERE idx = 4")
    assert "missing" in log.sign().sentence
    log.as_owner("DELETE FROM log_node WHERE level = 1")
    with log.database.reading() as session:
        assert session.scalar(select(LogHead.frozen)) is True


def test_a_leaf_altered_before_it_was_signed_freezes_the_log(log: Log):
    log.write(2)
    log.sign()
    log.write(2)
    log.as_owner(f"UPDATE log_leaf SET body = {hex_literal(log, '7b7d')} WHERE idx = 3")
    assert log.sign().result is SignResult.FROZEN


def test_a_checkpoint_beyond_the_state_that_the_log_does_not_hold_freezes_it(log: Log, tmp_path: Path):
    log.write(2)
    log.sign()
    kept = tmp_path / "kept.json"
    shutil.copy(log.state_file, kept)
    log.write(2)
    log.sign()
    log.as_owner("UPDATE log_checkpoint SET size = 3 WHERE size = 4")
    shutil.copy(kept, log.state_file)
    assert log.sign().result is SignResult.FROZEN


def test_without_its_state_file_the_signer_does_not_guess(log: Log):
    log.write(2)
    log.sign()
    log.state_file.unlink()
    with pytest.raises(SignerStateLost, match="rollback could not be seen"):
        log.sign()


@pytest.mark.parametrize("damage", ["", "{}", "size", "root", "frontier", "version", "chain"])
def test_a_damaged_state_file_is_not_believed(log: Log, damage: str):
    log.write(3)
    log.sign()
    value = json.loads(log.state_file.read_text())
    changed = {
        "size": {**value, "size": 2},
        "root": {**value, "root": "00" * 32},
        "frontier": {**value, "frontier": value["frontier"][:-2]},
        "version": {**value, "v": 3},
        "chain": {**value, "cosignatures": {"count": 0, "chain": "00"}},
    }
    log.state_file.write_text(json.dumps(changed[damage]) if damage in changed else damage)
    with pytest.raises(SignerStateLost, match="damaged"):
        log.sign()


def test_the_state_file_of_another_log_is_not_used(log: Log):
    log.write()
    log.sign()
    log.key = LogSigningKey(name="other.example/log", seed=b"\x07" * 32)
    with pytest.raises(SignerStateLost, match="another log"):
        log.sign()


def test_a_lost_state_file_is_adopted_on_purpose_from_a_checkpoint_known_elsewhere(log: Log):
    log.write(5)
    log.sign()
    log.write(2)
    known = Checkpoint(log.key.name, 3, root(log, 3))
    with pytest.raises(SignerStateLost, match="There is a state file"):
        adopt_state(log.database, key=log.key, state_file=log.state_file, known=known)
    log.state_file.unlink()
    for wrong in (
        Checkpoint(log.key.name, 3, bytes(32)),
        Checkpoint(log.key.name, 6, root(log, 6)),
        Checkpoint("other.example", 3, root(log, 3)),
    ):
        with pytest.raises(LogInconsistent, match="known from elsewhere"):
            adopt_state(log.database, key=log.key, state_file=log.state_file, known=wrong)
    assert adopt_state(log.database, key=log.key, state_file=log.state_file, known=known) == 5
    assert log.sign() == signer.SignOutcome(SignResult.SIGNED, 7)


def test_a_state_is_not_adopted_from_leaves_that_were_not_signed(log: Log):
    log.write(5)
    log.sign()
    log.as_owner(f"UPDATE log_leaf SET body = {hex_literal(log, '7b7d')} WHERE idx = 3")
    log.state_file.unlink()
    with pytest.raises(LogInconsistent, match="not of the leaves"):
        adopt_state(log.database, key=log.key, state_file=log.state_file)


def test_a_state_is_adopted_after_the_key_was_replaced_where_the_earlier_key_is_named(log: Log):
    log.write(3)
    log.sign()
    log.state_file.unlink()
    new = LogSigningKey(name=log.key.name, seed=b"\x09" * 32)
    with pytest.raises(NoteNotTrusted):
        adopt_state(log.database, key=new, state_file=log.state_file)
    assert adopt_state(log.database, key=new, state_file=log.state_file, earlier=[log.key.verifier]) == 3


def test_an_empty_log_is_adopted_as_empty(log: Log):
    assert adopt_state(log.database, key=log.key, state_file=log.state_file) == 0


def test_a_freeze_is_lifted_only_when_the_log_is_whole_again(log: Log):
    log.write(5)
    log.sign()
    with log.database.reading() as session:
        from transfer_service.audit.log import StoredEntry
        from transfer_service.db.models.log import LogLeaf

        kept = [StoredEntry(body) for body in session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx))]
    roll_back(log, 3)
    assert log.sign().result is SignResult.FROZEN
    with pytest.raises(LogInconsistent, match="It stays frozen"):
        lift_freeze(log.database, key=log.key, state_file=log.state_file, then=tell)
    no = "false" if log.kind == "postgresql" else "0"
    log.as_owner(f"UPDATE log_head SET frozen = {no}, frozen_reason = NULL")
    with log.database.writing() as session:
        from transfer_service.audit.log import reimport_all

        reimport_all(session, entries=kept[3:])
    signer._freeze(log.database, "Still looking.")
    assert lift_freeze(log.database, key=log.key, state_file=log.state_file, then=tell) == 5
    assert log.sign() == signer.SignOutcome(SignResult.SIGNED, 6)


def test_a_log_that_is_not_frozen_or_is_being_signed_is_not_unfrozen(log: Log):
    log.write(2)
    log.sign()
    with pytest.raises(LogNotFrozen):
        lift_freeze(log.database, key=log.key, state_file=log.state_file, then=tell)
    signer._freeze(log.database, "Looking.")
    with signer._only_signer(log.database, log.state_file), pytest.raises(SignerBusy):
        lift_freeze(log.database, key=log.key, state_file=log.state_file, then=tell)
    with log.database.reading() as session:
        assert session.scalar(select(LogHead.frozen)) is True


def test_a_freeze_stays_where_the_leaf_that_says_so_cannot_be_written(log: Log):
    log.write(2)
    log.sign()
    signer._freeze(log.database, "Looking.")

    def fail(session: Session) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        lift_freeze(log.database, key=log.key, state_file=log.state_file, then=fail)
    with log.database.reading() as session:
        assert session.scalar(select(LogHead.frozen)) is True


def test_a_state_file_of_the_version_before_is_read_and_counted_on_from_what_is_stored(log: Log):
    log.write(2)
    log.sign()
    log.write(2)
    log.sign()
    value = json.loads(log.state_file.read_text())
    assert (value["v"], value["checkpoints"]) == (2, 2)
    log.state_file.write_text(
        json.dumps({name: value[name] for name in ("origin", "size", "root", "frontier")} | {"v": 1})
    )
    log.write()
    log.sign()
    assert read_state(log.state_file).number == 3
    with log.database.reading() as session:
        assert [
            verify_numbering(note, [log.key.verifier]).number
            for note in session.scalars(select(LogCheckpoint.note).order_by(LogCheckpoint.size))
        ] == [1, 2, 3]


def test_checkpoints_that_were_stored_without_numbers_are_counted(log: Log):
    for _ in range(2):
        log.write(2)
        log.sign()
    for size in (2, 4):
        plain = write_checkpoint(Checkpoint(log.key.name, size, root(log, size)), log.key)
        log.as_owner(f"UPDATE log_checkpoint SET note = {hex_literal(log, plain.hex())} WHERE size = {size}")
    value = json.loads(log.state_file.read_text())
    log.state_file.write_text(json.dumps({**value, "checkpoints": 0}))
    log.write()
    log.sign()
    assert read_state(log.state_file).number == 3


def test_a_run_that_was_killed_before_it_moved_the_state_counts_its_checkpoint_once(log: Log, tmp_path: Path):
    log.write(2)
    log.sign()
    kept = tmp_path / "kept.json"
    shutil.copy(log.state_file, kept)
    log.write(2)
    log.sign()
    shutil.copy(kept, log.state_file)
    log.write()
    log.sign()
    with log.database.reading() as session:
        notes = session.scalars(select(LogCheckpoint.note).order_by(LogCheckpoint.size)).all()
    assert [verify_numbering(note, [log.key.verifier]).number for note in notes] == [1, 2, 3]
    assert read_state(log.state_file).number == 3


def test_without_the_state_file_no_freeze_is_lifted(log: Log):
    with pytest.raises(SignerStateLost, match="Put it back first"):
        lift_freeze(log.database, key=log.key, state_file=log.state_file, then=tell)


def test_after_a_rotation_the_new_key_of_the_same_log_goes_on(log: Log):
    log.write(2)
    log.sign()
    log.write(1, event="log_key.rotated", key=log.key.public_key.hex())
    log.sign()
    old, log.key = log.key, LogSigningKey(name=log.key.name, seed=b"\x0b" * 32)
    log.write(1)
    assert log.sign().size == 4
    with log.database.reading() as session:
        assert verify_checkpoint(session.get(LogCheckpoint, 3).note, [old.verifier]).size == 3
        assert verify_checkpoint(session.get(LogCheckpoint, 4).note, [log.key.verifier]).size == 4


def test_a_database_without_a_head_is_not_signed(log: Log):
    log.as_owner("DELETE FROM log_head")
    with pytest.raises(LogNotPrepared):
        log.sign()


def test_more_leaves_than_one_batch_are_hashed(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signer, "_BATCH", 2)
    log.write(7)
    assert log.sign().size == 7
    with log.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LogCheckpoint)) == 1
