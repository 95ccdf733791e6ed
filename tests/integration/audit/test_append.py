"""Appending to the log: order, time, locking, freezing, and what is kept beside a leaf."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from tests.integration.audit.conftest import START, Log, hex_literal, open_seal, seal, uuid
from transfer_service.audit.errors import LeafRefused, LogFrozen, LogInconsistent, LogNotPrepared
from transfer_service.audit.leaf import LeafFields, decode_leaf
from transfer_service.audit.log import (
    StoredEntry,
    append,
    append_all,
    erase_details,
    open_detail,
    reimport_all,
)
from transfer_service.audit.nodes import log_size, prove_consistency, prove_inclusion, root_at
from transfer_service.audit.tree import hash_leaf, verifies_consistency, verifies_inclusion
from transfer_service.db.models.log import LogDetail, LogHead, LogLeaf, LogNode

SENT = LeafFields(event="dispatch.sent", actor=uuid(1))


def test_leaves_stand_in_order_without_gaps_and_are_found_by_what_they_say(log: Log):
    log.write(3)
    log.write(2, event="dispatch.opened", subject=uuid(9))
    with log.database.reading() as session:
        rows = session.scalars(select(LogLeaf).order_by(LogLeaf.idx)).all()
        assert [row.idx for row in rows] == [0, 1, 2, 3, 4]
        assert [row.event for row in rows] == ["dispatch.sent"] * 3 + ["dispatch.opened"] * 2
        assert [(row.org, row.actor, row.transfer) for row in rows] == [(uuid(2), uuid(1), uuid(3))] * 5
        assert rows[4].subject == uuid(9)
        assert [row.hash for row in rows] == [hash_leaf(row.body) for row in rows]
        assert decode_leaf(rows[3].body).said.event == "dispatch.opened"
        assert log_size(session) == 5


def test_an_append_tells_where_the_leaf_stands(log: Log):
    with log.database.writing() as session:
        first = append(session, leaf=SENT, now=START)
        second = append(session, leaf=SENT, now=START)
    assert (first.idx, second.idx) == (0, 1)
    with log.database.reading() as session:
        assert session.get(LogLeaf, 1).hash == second.hash


def test_nothing_to_append_touches_nothing(log: Log):
    with log.database.writing() as session:
        assert append_all(session, entries=[], now=START) == []


def test_a_rolled_back_act_leaves_no_leaf_and_no_gap(log: Log):
    log.write()
    with pytest.raises(RuntimeError), log.database.writing() as session:
        append(session, leaf=SENT, now=START)
        raise RuntimeError
    assert log.write()[0].idx == 1


def test_time_in_the_log_never_goes_back(log: Log):
    with log.database.writing() as session:
        append(session, leaf=SENT, now=START)
        append(session, leaf=SENT, now=START - timedelta(hours=1))
        append(session, leaf=SENT, now=START + timedelta(hours=1))
    with log.database.reading() as session:
        assert session.scalars(select(LogLeaf.at).order_by(LogLeaf.idx)).all() == [
            START,
            START,
            START + timedelta(hours=1),
        ]


def test_words_outside_the_vocabulary_are_refused(log: Log):
    for leaf in (LeafFields(event="somebody.did"), LeafFields(event="dispatch.sent", basis="because")):
        with pytest.raises(LeafRefused, match="vocabulary"), log.database.writing() as session:
            append(session, leaf=leaf, now=START)


def test_a_frozen_log_takes_no_leaf_and_says_what_to_do(log: Log):
    log.write()
    with log.database.writing() as session:
        session.execute(update(LogHead).values(frozen=True, frozen_reason="The log was rolled back."))
    with pytest.raises(LogFrozen) as refusal, log.database.writing() as session:
        append(session, leaf=SENT, now=START)
    assert "The log was rolled back." in refusal.value.sentence
    assert "docs/log.md" in refusal.value.sentence


def test_a_database_without_a_head_has_no_log(log: Log):
    log.as_owner("DELETE FROM log_head")
    with pytest.raises(LogNotPrepared, match="db upgrade"), log.database.writing() as session:
        append(session, leaf=SENT, now=START)
    with pytest.raises(LogNotPrepared), log.database.reading() as session:
        log_size(session)


def test_writers_at_once_leave_one_order_without_gaps(log: Log):
    failures = []

    def write(number: int) -> None:
        try:
            for turn in range(10):
                try:
                    with log.database.writing() as session:
                        append(session, leaf=LeafFields(event="dispatch.sent", actor=uuid4()), now=START)
                        if (number + turn) % 4 == 0:
                            raise KeyError
                except KeyError:
                    pass
        except Exception as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with log.database.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
        assert [decode_leaf(body).idx for body in bodies] == list(range(len(bodies)))
        assert len(bodies) == log_size(session) == 60 - sum((n + t) % 4 == 0 for n in range(6) for t in range(10))
        assert session.scalar(select(func.count()).select_from(LogNode)) == sum(
            len(bodies) >> level for level in range(1, 7)
        )


def test_proofs_from_the_stored_tree_verify_at_every_size(log: Log):
    log.write(21)
    with log.database.reading() as session:
        leaves = session.scalars(select(LogLeaf.hash).order_by(LogLeaf.idx)).all()
        roots = [root_at(session, size) for size in range(22)]
        for size in (1, 2, 3, 8, 13, 21):
            for idx in range(size):
                proof = prove_inclusion(session, idx, size)
                assert verifies_inclusion(index=idx, size=size, leaf_hash=leaves[idx], proof=proof, root=roots[size])
            for old in range(1, size + 1):
                assert verifies_consistency(
                    old_size=old,
                    new_size=size,
                    old_root=roots[old],
                    new_root=roots[size],
                    proof=prove_consistency(session, old, size),
                )


def test_a_hole_in_the_stored_tree_is_named(log: Log):
    log.write(4)
    log.as_owner("DELETE FROM log_node WHERE level = 1 AND idx = 0")
    with pytest.raises(LogInconsistent, match="audit verify"), log.database.reading() as session:
        prove_inclusion(session, 3, 4)


def test_what_is_said_beside_a_leaf_is_kept_sealed_with_its_salt(log: Log):
    log.write(detail=b"Said beside it.")
    with log.database.reading() as session:
        stored = session.get(LogDetail, 0).sealed
        assert b"Said beside it." not in stored
        assert open_detail(session, 0, open_sealed=open_seal) == (bytes(32), b"Said beside it.")
        assert open_detail(session, 1, open_sealed=open_seal) is None


def test_a_detail_without_salt_or_seal_is_refused(log: Log):
    for salt, sealing in ((None, seal), (bytes(32), None)):
        with pytest.raises(LeafRefused, match="salt"), log.database.writing() as session:
            append(session, leaf=SENT, detail=b"x", salt=salt, seal_detail=sealing, now=START)


def test_erasing_removes_the_detail_and_leaves_a_leaf_that_names_it(log: Log):
    log.write(2, detail=b"Said beside it.")
    erasing = LeafFields(event="detail.erased", basis="retention")
    with log.database.writing() as session:
        (position,) = erase_details(session, [1], leaf=erasing, now=START)
        assert erase_details(session, [1], leaf=erasing, now=START) == []
        assert [one.idx for one in erase_details(session, [0, 0, 77], leaf=erasing, now=START)] == [3]
    with log.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LogDetail)) == 0
        assert decode_leaf(session.get(LogLeaf, position.idx).body).said.erases == 1
        assert session.get(LogLeaf, position.idx).erases == 1
        assert log_size(session) == 4


def test_lost_leaves_are_taken_back_byte_for_byte(log: Log):
    log.write(5, detail=b"Said beside it.")
    with log.database.reading() as session:
        root = root_at(session, 5)
        kept = [
            StoredEntry(row.body, session.get(LogDetail, row.idx).sealed)
            for row in session.scalars(select(LogLeaf).where(LogLeaf.idx >= 2).order_by(LogLeaf.idx))
        ]
    cut_to_two(log)
    with pytest.raises(LogInconsistent, match="does not follow"), log.database.writing() as session:
        reimport_all(session, entries=kept[1:])
    with log.database.writing() as session:
        assert reimport_all(session, entries=kept) == 3
    with log.database.reading() as session:
        assert root_at(session, 5) == root
        assert open_detail(session, 4, open_sealed=open_seal)[1] == b"Said beside it."


def cut_to_two(log: Log) -> None:
    """Roll the log back to its first two leaves, as a backup put back would."""
    with log.database.reading() as session:
        frontier = root_at(session, 2).hex()
    log.as_owner(
        "DELETE FROM log_leaf WHERE idx >= 2",
        "DELETE FROM log_detail WHERE idx >= 2",
        "DELETE FROM log_node WHERE NOT (level = 1 AND idx = 0)",
        f"UPDATE log_head SET size = 2, frontier = {hex_literal(log, frontier)}",
    )
