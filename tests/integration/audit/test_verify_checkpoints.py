"""What the check of the log finds about what was signed: checkpoints, their numbers and times, and witnesses."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.integration.audit.conftest import Log, hex_literal
from transfer_service.audit.checkpoint import Checkpoint, parse_checkpoint, write_checkpoint
from transfer_service.audit.cosignature import cosign, record_cosignatures
from transfer_service.audit.errors import NoteNotTrusted
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import append
from transfer_service.audit.nodes import root_at
from transfer_service.audit.numbering import verify_numbering
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.signer_state import read_state
from transfer_service.audit.verify import verify_log
from transfer_service.audit.verify_report import VerifyReport
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of
from transfer_service.db.models.log import LogCheckpoint, LogCosignature

SEEDS = {"north.example": b"\x21" * 32, "east.example": b"\x22" * 32}
WITNESSES = tuple(VerifierKey(name, public_key_of(seed), ED25519_COSIGNATURE) for name, seed in SEEDS.items())


def witness(log: Log, name: str) -> None:
    """Let a witness cosign the newest checkpoint."""
    with log.database.writing() as session:
        newest = find_newest_checkpoint(session)
        signature = cosign(newest.note, name=name, seed=SEEDS[name], now=log.later())
        record_cosignatures(session, newest.size, signatures=[signature], witnesses=WITNESSES, now=log.later())


@pytest.fixture
def witnessed(log: Log) -> Log:
    """Ten leaves, signed at 2, 5, 7 and 10; 2 and 5 were cosigned by both witnesses, 10 by one: number five."""
    for count, names in ((2, ("north.example", "east.example")), (3, ("east.example", "north.example")), (2, ())):
        log.write(count)
        log.sign()
        for name in names:
            witness(log, name)
    log.write(3)
    log.sign()
    witness(log, "north.example")
    return log


def check(log: Log, *, with_state: bool = True) -> VerifyReport:
    state = read_state(log.state_file) if with_state else None
    with log.database.reading() as session:
        return verify_log(session, keys=[log.key.verifier], witnesses=WITNESSES, state=state, batch=3)


def found(log: Log, *, with_state: bool = True) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.idx) for problem in check(log, with_state=with_state).problems]


def test_checkpoints_are_numbered_and_the_log_holds_with_all_its_witnesses(witnessed: Log):
    report = check(witnessed)
    assert report.problems == []
    assert (report.checkpoints, report.cosignatures) == (4, 5)
    with witnessed.database.reading() as session:
        notes = session.scalars(select(LogCheckpoint.note).order_by(LogCheckpoint.size)).all()
        numbers = session.scalars(select(LogCosignature.number).order_by(LogCosignature.number)).all()
    said = [verify_numbering(note, [witnessed.key.verifier]) for note in notes]
    assert [(one.number, one.kept.count) for one in said] == [(1, 0), (2, 2), (3, 4), (4, 4)]
    assert numbers == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", [2, 5, 7])
def test_a_checkpoint_that_was_taken_away_is_missed_without_the_state_file_too(witnessed: Log, size: int):
    following = {2: 5, 5: 7, 7: 10}[size]
    witnessed.as_owner(f"DELETE FROM log_checkpoint WHERE size = {size}")
    assert ("checkpoint.missing", following) in found(witnessed)
    assert ("checkpoint.missing", following) in found(witnessed, with_state=False)


def test_the_newest_checkpoint_is_missed_by_the_state_file(witnessed: Log):
    witnessed.as_owner("DELETE FROM log_cosignature WHERE size = 10", "DELETE FROM log_checkpoint WHERE size = 10")
    assert found(witnessed) == [("checkpoint.missing", 10)]
    assert found(witnessed, with_state=False) == []


def test_a_checkpoint_that_was_taken_away_stays_missed_when_the_signer_goes_on(witnessed: Log):
    witnessed.as_owner("DELETE FROM log_cosignature WHERE size = 10", "DELETE FROM log_checkpoint WHERE size = 10")
    witnessed.write()
    witnessed.sign()
    assert found(witnessed, with_state=False) == [("checkpoint.missing", 11)]


def test_another_time_of_signing_is_found(witnessed: Log):
    with witnessed.database.reading() as session:
        at = session.get(LogCheckpoint, 5).signed_at + timedelta(seconds=1)
    value = int(at.timestamp() * 1_000_000) if witnessed.kind == "sqlite" else f"'{at.isoformat()}'"
    witnessed.as_owner(f"UPDATE log_checkpoint SET signed_at = {value} WHERE size = 5")
    assert found(witnessed) == [("checkpoint.time", 5)]


def test_a_note_that_lost_its_number_is_found(witnessed: Log):
    with witnessed.database.reading() as session:
        plain = write_checkpoint(Checkpoint(witnessed.key.name, 7, root_at(session, 7)), witnessed.key)
    witnessed.as_owner(f"UPDATE log_checkpoint SET note = {hex_literal(witnessed, plain.hex())} WHERE size = 7")
    assert ("checkpoint.unnumbered", 7) in found(witnessed, with_state=False)


def test_notes_that_all_lost_their_numbers_are_found_by_the_state_file(witnessed: Log):
    for size in (2, 5, 7, 10):
        with witnessed.database.reading() as session:
            plain = write_checkpoint(Checkpoint(witnessed.key.name, size, root_at(session, size)), witnessed.key)
        witnessed.as_owner(
            f"UPDATE log_checkpoint SET note = {hex_literal(witnessed, plain.hex())} WHERE size = {size}"
        )
    assert found(witnessed) == [("checkpoint.missing", 10)]


def test_the_line_of_another_checkpoint_and_a_further_line_are_not_accepted(witnessed: Log):
    with witnessed.database.reading() as session:
        two, five = (session.get(LogCheckpoint, size).note for size in (2, 5))
    lines = [note.split(b"\n\n")[1].splitlines(keepends=True) for note in (two, five)]
    head = five.split(b"\n\n")[0] + b"\n\n"
    for wrong in (head + lines[1][0] + lines[0][1], five + lines[0][1]):
        assert parse_checkpoint(wrong).checkpoint.size == 5
        with pytest.raises(NoteNotTrusted, match="not one that this log signed"):
            verify_numbering(wrong, [witnessed.key.verifier])
    stranger = LogSigningKey(name=witnessed.key.name, seed=b"\x44" * 32)
    with pytest.raises(NoteNotTrusted):
        verify_numbering(five, [stranger.verifier])


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM log_cosignature WHERE number = 3",
        "DELETE FROM log_cosignature WHERE number = 4",
        "UPDATE log_cosignature SET number = 9 WHERE number = 4",
        "UPDATE log_cosignature SET witness = 'west.example' WHERE number = 3",
    ],
)
def test_a_cosignature_that_was_kept_and_is_gone_or_changed_is_found_by_the_next_checkpoint(
    witnessed: Log, damage: str
):
    witnessed.as_owner(damage)
    assert ("cosignature.altered", 7) in found(witnessed, with_state=False)


def test_another_time_of_receiving_is_found(witnessed: Log):
    value = "1" if witnessed.kind == "sqlite" else "'2026-01-01T00:00:00Z'"
    witnessed.as_owner(f"UPDATE log_cosignature SET received_at = {value} WHERE number = 2")
    assert found(witnessed) == [("cosignature.altered", 5)]


def test_a_cosignature_under_another_checkpoint_or_with_other_bytes_is_wrong(witnessed: Log):
    witnessed.as_owner("UPDATE log_cosignature SET size = 7 WHERE number = 5")
    assert found(witnessed) == [("cosignature.wrong", 7)]
    witnessed.as_owner(
        "UPDATE log_cosignature SET size = 10 WHERE number = 5",
        f"UPDATE log_cosignature SET signature = {hex_literal(witnessed, '00' * 72)} WHERE number = 1",
    )
    assert found(witnessed) == [("cosignature.wrong", 2), ("cosignature.altered", 5)]


def test_a_cosignature_of_nobody_whom_the_policy_names_is_found_unless_a_checkpoint_says_that_it_was_kept(
    witnessed: Log,
):
    witnessed.as_owner("UPDATE log_cosignature SET witness = 'west.example' WHERE number = 5")
    assert found(witnessed) == [("cosignature.unknown", 10)]
    # A witness that the policy named once, and names no longer.
    with witnessed.database.reading() as session:
        report = verify_log(session, keys=[witnessed.key.verifier], witnesses=WITNESSES[:1])
    assert [(one.code, one.idx) for one in report.problems] == [("cosignature.unknown", 10)]


def test_a_cosignature_without_its_checkpoint_and_a_gap_among_the_newest_are_found(witnessed: Log):
    witnessed.as_owner("UPDATE log_cosignature SET size = 8, number = 7 WHERE number = 5")
    assert found(witnessed) == [("cosignature.missing", 8), ("cosignature.stray", 8)]


def test_a_log_of_another_root_than_the_state_file_names_is_found(witnessed: Log):
    state = read_state(witnessed.state_file)
    with witnessed.database.reading() as session:
        report = verify_log(
            session,
            keys=[witnessed.key.verifier],
            state=type(state)(state.origin, 9, state.frontier, 4, state.kept),
        )
    assert [(one.code, one.idx) for one in report.problems] == [("log.other_root", 9), ("checkpoint.missing", 9)]


def test_a_log_shorter_than_the_state_file_names_is_rolled_back(log: Log):
    log.write(3)
    log.sign()
    state = read_state(log.state_file)
    with log.database.reading() as session:
        report = verify_log(session, keys=[log.key.verifier], state=type(state)(state.origin, 9, state.frontier, 2))
    assert ("log.rolled_back", 9) in {(one.code, one.idx) for one in report.problems}


def test_what_a_restore_lost_is_not_called_missing(witnessed: Log):
    """The newest cosignature and checkpoint are lost, as when an older copy is put back; then the signer goes on."""
    witnessed.write()
    witnessed.sign()
    witnessed.as_owner("DELETE FROM log_cosignature WHERE number = 5", "DELETE FROM log_checkpoint WHERE size = 11")
    with witnessed.database.writing() as session:
        append(session, leaf=LeafFields(event="restored", basis="restore"), now=witnessed.later())
    witnessed.sign()
    witness(witnessed, "east.example")
    witnessed.write()
    witnessed.sign()
    report = check(witnessed)
    assert report.problems == []
    # The number of what was lost is not given again.
    with witnessed.database.reading() as session:
        assert session.scalars(select(LogCosignature.number).order_by(LogCosignature.number)).all() == [1, 2, 3, 4, 6]
    # Nothing else is excused by it.
    witnessed.as_owner("DELETE FROM log_cosignature WHERE number = 4")
    assert found(witnessed) == [("cosignature.altered", 7)]
