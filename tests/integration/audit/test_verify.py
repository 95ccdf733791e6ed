"""The check of the whole log in place: what it says when it holds, and how it names each kind of damage."""

import pytest
from sqlalchemy import select

from tests.integration.audit.conftest import Log, hex_literal, open_seal, seal, uuid
from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint
from transfer_service.audit.errors import LogNotPrepared
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import erase_details
from transfer_service.audit.nodes import root_at
from transfer_service.audit.verify import verify_log
from transfer_service.audit.verify_report import PROBLEMS_LIMIT, VerifyReport
from transfer_service.db.models.log import LogDetail, LogLeaf

ERASING = LeafFields(event="detail.erased", basis="retention")


@pytest.fixture
def written(log: Log) -> Log:
    """Eleven leaves: 0-3 with details, of which 1 is erased by leaf 4; signed at 5, 8 and 11."""
    log.write(4, detail=b"Said beside it.")
    with log.database.writing() as session:
        erase_details(session, [1], leaf=ERASING, now=log.later())
    log.sign()
    log.write(3)
    log.sign()
    log.write(3, event="dispatch.opened", subject=uuid(9))
    log.sign()
    return log


def check(log: Log, **options) -> VerifyReport:
    options = {"keys": [log.key.verifier], "open_sealed": open_seal, "batch": 3, **options}
    with log.database.reading() as session:
        return verify_log(session, **options)


def found(report: VerifyReport) -> set[tuple[str, int | None]]:
    return {(problem.code, problem.idx) for problem in report.problems}


def test_a_whole_log_holds_and_is_counted(written: Log):
    seen = []
    report = check(written, progress=lambda done, size: seen.append((done, size)))
    assert report.problems == []
    assert report.holds
    assert (report.size, report.signed_size, report.checkpoints) == (11, 11, 3)
    assert (report.details_right, report.details_erased, report.details_unopened) == (3, 1, 0)
    assert seen == [(3, 11), (6, 11), (9, 11), (11, 11)]
    with written.database.reading() as session:
        assert report.root == root_at(session, 11)


def test_an_empty_log_holds(log: Log):
    report = check(log)
    assert report.holds
    assert report.size == 0


def test_a_log_of_one_leaf_holds(log: Log):
    log.write(1)
    assert check(log).holds


def test_without_the_field_keys_details_are_counted_and_not_compared(written: Log):
    report = check(written, open_sealed=None)
    assert report.holds
    assert (report.details_right, report.details_unopened) == (0, 3)


def test_leaves_newer_than_the_last_checkpoint_hold_and_are_not_called_signed(written: Log):
    written.write(2)
    report = check(written)
    assert report.holds
    assert (report.size, report.signed_size) == (13, 11)


def test_an_altered_leaf_is_named(written: Log):
    with written.database.reading() as session:
        body = session.get(LogLeaf, 6).body.replace(b"dispatch.sent", b"dispatch.gone")
    written.as_owner(f"UPDATE log_leaf SET body = {hex_literal(written, body.hex())} WHERE idx = 6")
    report = check(written)
    assert not report.holds
    assert {("leaf.altered", 6), ("leaf.columns", 6), ("node.wrong", 7), ("checkpoint.other_root", 8)} <= found(report)
    [sentence] = [problem.sentence for problem in report.problems if problem.code == "checkpoint.other_root"][:1]
    assert sentence == "Of leaves 5 to 7 one is not what was signed: altered or exchanged."
    assert report.signed_size == 5


def test_a_leaf_altered_with_its_hash_is_found_by_the_checkpoints(written: Log):
    from transfer_service.audit.tree import hash_leaf

    with written.database.reading() as session:
        body = session.get(LogLeaf, 10).body.replace(b"dispatch.opened", b"dispatch.reject")
    digest = hash_leaf(body)
    written.as_owner(
        f"UPDATE log_leaf SET body = {hex_literal(written, body.hex())}, hash = {hex_literal(written, digest.hex())},"
        " event = 'dispatch.reject' WHERE idx = 10"
    )
    assert found(check(written)) == {("checkpoint.other_root", 11), ("head.wrong", 11)}


def test_a_missing_leaf_is_named(written: Log):
    written.as_owner("DELETE FROM log_leaf WHERE idx = 6")
    report = check(written)
    assert ("leaf.missing", 6) in found(report)
    assert {problem.code for problem in report.problems} == {"leaf.missing"}


def test_a_log_cut_off_is_called_rolled_back(written: Log):
    written.as_owner("DELETE FROM log_leaf WHERE idx >= 9")
    report = check(written)
    assert ("log.rolled_back", 11) in found(report)
    assert ("head.wrong", 11) in found(report)


def test_a_leaf_put_elsewhere_is_named(written: Log):
    written.as_owner(
        "UPDATE log_leaf SET idx = 100 WHERE idx = 9",
        "UPDATE log_leaf SET idx = 9 WHERE idx = 10",
        "UPDATE log_leaf SET idx = 10 WHERE idx = 100",
    )
    assert {("leaf.moved", 9), ("leaf.moved", 10)} <= found(check(written))


def test_a_leaf_that_goes_back_in_time_is_named(log: Log):
    from transfer_service.audit.leaf import Leaf, encode_leaf
    from transfer_service.audit.tree import hash_leaf

    log.write(1)
    earlier = log.now.replace(year=2020)
    body = encode_leaf(Leaf(idx=1, at=earlier, said=LeafFields(event="dispatch.sent"), commit=None))
    with log.owner.engine.connect() as connection, connection.begin():
        row = {"idx": 1, "body": body, "hash": hash_leaf(body), "at": earlier, "event": "dispatch.sent"}
        connection.execute(LogLeaf.__table__.insert(), row)
    assert ("leaf.time", 1) in found(check(log))


def test_bytes_that_are_no_leaf_are_named(written: Log):
    written.as_owner(f"UPDATE log_leaf SET body = {hex_literal(written, '7b7d')} WHERE idx = 7")
    assert {("leaf.malformed", 7), ("leaf.altered", 7)} <= found(check(written))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("event = 'dispatch.opened'", "event"),
        ("org = NULL", "org"),
        ("actor = NULL", "actor"),
        ("transfer = NULL", "transfer"),
        ("erases = 3", "erases"),
    ],
)
def test_a_column_that_does_not_repeat_the_leaf_is_named(written: Log, change: str, named: str):
    written.as_owner(f"UPDATE log_leaf SET {change} WHERE idx = 6")
    report = check(written)
    assert ("leaf.columns", 6) in found(report)
    assert f"({named})" in next(p.sentence for p in report.problems if p.code == "leaf.columns")


def test_a_wrong_or_missing_node_is_named_by_the_leaves_below_it(written: Log):
    written.as_owner(
        f"UPDATE log_node SET hash = {hex_literal(written, '00' * 32)} WHERE level = 2 AND idx = 0",
        "DELETE FROM log_node WHERE level = 1 AND idx = 4",
    )
    report = check(written)
    assert found(report) == {("node.wrong", 3), ("node.wrong", 9), ("node.stray", None)}
    assert "leaves 0 to 3" in report.problems[0].sentence


def test_a_checkpoint_that_was_not_signed_by_the_log_is_named(written: Log):
    from transfer_service.crypto.signing import LogSigningKey

    stranger = LogSigningKey(name=written.key.name, seed=b"\x33" * 32)
    note = write_checkpoint(Checkpoint(written.key.name, 8, bytes(32)), stranger)
    written.as_owner(f"UPDATE log_checkpoint SET note = {hex_literal(written, note.hex())} WHERE size = 8")
    # The stranger's note holds no number of ours, so that the log's own note of that size is missing before the next.
    assert found(check(written)) == {("checkpoint.untrusted", 8), ("checkpoint.missing", 11)}


def test_a_checkpoint_under_another_size_is_named(written: Log):
    written.as_owner("UPDATE log_checkpoint SET size = 7 WHERE size = 8")
    assert found(check(written)) == {("checkpoint.moved", 7)}


def test_a_detail_that_was_removed_is_told_apart_from_one_that_was_erased(written: Log):
    written.as_owner("DELETE FROM log_detail WHERE idx = 2")
    report = check(written)
    assert found(report) == {("detail.missing", 2)}
    assert "no leaf says that it was erased" in report.problems[0].sentence
    assert report.details_erased == 1


def test_a_detail_that_is_there_although_a_leaf_says_erased_is_named(written: Log):
    sealed = seal(1, bytes(32) + b"Said beside it.").hex()
    written.as_owner(f"INSERT INTO log_detail (idx, sealed) VALUES (1, {hex_literal(written, sealed)})")
    assert found(check(written)) == {("detail.not_erased", 1)}


def test_a_detail_of_another_leaf_cannot_be_opened(written: Log):
    with written.database.reading() as session:
        sealed = session.get(LogDetail, 0).sealed.hex()
    written.as_owner(f"UPDATE log_detail SET sealed = {hex_literal(written, sealed)} WHERE idx = 2")
    assert found(check(written)) == {("detail.unopened", 2)}


def test_a_detail_that_opens_and_is_another_is_named(written: Log):
    sealed = seal(2, bytes(32) + b"Something else.").hex()
    written.as_owner(f"UPDATE log_detail SET sealed = {hex_literal(written, sealed)} WHERE idx = 2")
    assert found(check(written)) == {("detail.altered", 2)}


def test_a_detail_beside_nothing_is_named(written: Log):
    sealed = hex_literal(written, "00" * 40)
    written.as_owner(
        f"INSERT INTO log_detail (idx, sealed) VALUES (6, {sealed})",
        f"INSERT INTO log_detail (idx, sealed) VALUES (99, {sealed})",
    )
    assert found(check(written)) == {("detail.stray", 6), ("detail.stray", None)}


def test_a_frozen_log_does_not_hold(written: Log):
    yes = "true" if written.kind == "postgresql" else "1"
    written.as_owner(f"UPDATE log_head SET frozen = {yes}, frozen_reason = 'The log was rolled back.'")
    report = check(written)
    assert found(report) == {("log.frozen", 11)}
    assert report.problems[0].sentence == "The log is frozen: The log was rolled back."


def test_a_guard_that_is_gone_is_named(written: Log):
    on = " ON log_leaf" if written.kind == "postgresql" else ""
    with written.owner.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"DROP TRIGGER guard_log_leaf_delete{on}")
    assert found(check(written)) == {("guard.missing", None)}


def test_a_database_without_a_head_has_nothing_to_check(log: Log):
    log.as_owner("DELETE FROM log_head")
    with pytest.raises(LogNotPrepared):
        check(log)


def test_many_problems_are_counted_and_few_are_kept():
    report = VerifyReport()
    for number in range(PROBLEMS_LIMIT + 5):
        report.add("leaf.altered", number, "Altered.")
    assert report.problem_count == 1_005
    assert len(report.problems) == 1_000


def test_a_check_reads_only_as_many_leaves_at_once_as_it_is_told(written: Log):
    sizes = []
    real = verify_log.__globals__["_Verification"]._check_nodes

    def watch(self, start, completed):
        sizes.append(self.count - start)
        return real(self, start, completed)

    verify_log.__globals__["_Verification"]._check_nodes = watch
    try:
        assert check(written, batch=4).holds
    finally:
        verify_log.__globals__["_Verification"]._check_nodes = real
    assert sizes == [4, 4, 3]
    with written.database.reading() as session:
        assert len(session.scalars(select(LogLeaf.idx)).all()) == 11
